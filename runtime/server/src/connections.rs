//! Open connections: how many there may be, which one goes when one too many comes, and how one ends.
//!
//! A connection is *at work* from the moment a request's body is complete until its answer is made; only then it is safe.
//! All others (idle, in the middle of a head, in the middle of a body) may be closed in favour of a newcomer, the one not
//! heard of for longest first. So ten thousand silent connections, or slow ones, can't keep a client out who asks something.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// All open connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Counts up with everything that happens; an order of events without a clock.
    ticks: Arc<AtomicU64>,
    pub(crate) evicted: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    ticks: Arc<AtomicU64>,
    /// The tick at which it was heard of last.
    heard: AtomicU64,
    at_work: AtomicBool,
    close: Notify,
}

/// Keeps its connection in the list of open ones.
#[derive(Debug)]
pub(crate) struct Open {
    number: u64,
    pub(crate) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

/// Keeps a connection from being closed in favour of another.
#[derive(Debug)]
pub(crate) struct AtWork(Option<Arc<Connection>>);

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Connections> {
        Arc::new(Connections {
            most: most.max(1),
            open: Mutex::default(),
            ticks: Arc::default(),
            evicted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// A place for a newcomer. `None` when all others are at work.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Open> {
        let mut open = self.list();
        if open.len() >= self.most && !self.evict_from(&mut open) {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        let number = self.ticks.fetch_add(1, Relaxed);
        let connection = Arc::new(Connection {
            ticks: self.ticks.clone(),
            heard: AtomicU64::new(number),
            at_work: AtomicBool::new(false),
            close: Notify::new(),
        });
        open.insert(number, connection.clone());
        Some(Open { number, connection, connections: self.clone() })
    }

    /// Closes the connection that wasn't heard of for longest, to free what it holds.
    pub(crate) fn evict(&self) {
        self.evict_from(&mut self.list());
    }

    fn evict_from(&self, open: &mut BTreeMap<u64, Arc<Connection>>) -> bool {
        let quiet = open.iter().filter(|(_, one)| !one.at_work.load(Relaxed));
        let Some((&number, _)) = quiet.min_by_key(|(_, one)| one.heard.load(Relaxed)) else {
            return false;
        };
        if let Some(connection) = open.remove(&number) {
            connection.close.notify_one();
            self.evicted.fetch_add(1, Relaxed);
        }
        true
    }

    pub(crate) fn count(&self) -> usize {
        self.list().len()
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.list().remove(&self.number);
    }
}

impl Connection {
    /// Something came: it is the last in the order of those to be closed.
    pub(crate) fn heard(&self) {
        self.heard.store(self.ticks.fetch_add(1, Relaxed), Relaxed);
    }

    /// Ends when the connection must make room.
    pub(crate) async fn told_to_close(&self) {
        self.close.notified().await;
    }
}

impl AtWork {
    pub(crate) fn on(connection: Option<Arc<Connection>>) -> AtWork {
        if let Some(connection) = &connection {
            connection.at_work.store(true, Relaxed);
        }
        AtWork(connection)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.heard();
            connection.at_work.store(false, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_makes_room_and_who_works_stays() {
        let connections = Connections::new(3);
        let first = connections.enter().unwrap();
        let second = connections.enter().unwrap();
        let third = connections.enter().unwrap();
        first.connection.heard();
        let work = AtWork::on(Some(second.connection.clone()));
        // The third is the quietest of those not at work.
        let fourth = connections.enter().unwrap();
        assert!(!connections.list().contains_key(&third.number));
        drop(third);
        assert_eq!(connections.count(), 3);
        let more = [first, fourth].map(|one| AtWork::on(Some(one.connection.clone())));
        // Those two left the list with their guards, so there is room for two, and then for none.
        let fifth = connections.enter().unwrap();
        let sixth = connections.enter().unwrap();
        let all = [fifth, sixth].map(|one| (AtWork::on(Some(one.connection.clone())), one));
        assert!(connections.enter().is_none());
        assert_eq!(connections.refused.load(Relaxed), 1);
        drop((work, more));
        let seventh = connections.enter().expect("the second no longer works");
        assert_eq!(connections.evicted.load(Relaxed), 2);
        drop((all, seventh, second));
        assert_eq!(connections.count(), 0);
    }
}
