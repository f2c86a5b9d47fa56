//! Names that lead where they should not, or elsewhere the second time.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::resolve::{Addresses, Resolve};

/// Answers with one list after the other, and then with the last for ever.
struct Changing {
    lists: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Changing {
    fn new(lists: &[&[&str]]) -> Arc<Changing> {
        let list = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Changing { lists: lists.iter().map(list).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Changing {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let list = self.lists.get(asked).or(self.lists.last()).cloned();
        Box::pin(async move { list.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// Opens 127.0.0.1 alone, so that other addresses of the loopback stand for the inside.
fn narrow(port: u16) -> Egress {
    Egress { allow_cidrs: vec!["127.0.0.1".parse().unwrap()], ..egress(&[port]) }
}

#[test]
fn the_address_judged_is_the_address_connected_to() {
    let server = Server::saying(http("503 Unavailable", "x"));
    let resolver = Changing::new(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]);
    let door = Blocking::over(Door::with_resolver(narrow(server.port), resolver.clone())).unwrap();
    let request = get(&format!("http://rebinding.test:{}/", server.port));
    assert_eq!(door.answer(Millis(0), &request).unwrap().status(), 503);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1, "a call asks once");
    let said = door.answer(Millis(0), &request).unwrap_err();
    assert!(matches!(&said, Error::Address { host, .. } if host == "rebinding.test"), "{said}");
    assert_eq!(server.heard().len(), 1);
    assert_eq!(door.answer(Millis(0), &request).unwrap().status(), 503);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 3);
}

#[test]
fn every_address_of_a_name_is_judged() {
    let server = Server::saying(http("200 OK", "x"));
    for (list, expected) in [
        (&["127.0.0.1"][..], Ok(200)),
        // Those that may not be connected to are left out, wherever they stand.
        (&["169.254.169.254", "127.0.0.2", "127.0.0.1"], Ok(200)),
        (&["127.0.0.1", "10.0.0.1"], Ok(200)),
        (&["127.0.0.2"], Err("127.0.0.2 (loopback)")),
        (&["169.254.169.254"], Err("169.254.169.254 (the machine's metadata)")),
        (&["10.0.0.1", "::1"], Err("10.0.0.1 (private)")),
        (&["::ffff:127.0.0.1"], Err("a wrapped IPv4 address")),
        (&["::1"], Err("::1 (loopback)")),
        (&["fe80::1"], Err("link-local")),
        (&["0.0.0.0"], Err("unspecified")),
        // A name without addresses is no answer, and no broken rule.
        (&[], Ok(598)),
    ] {
        let resolver = Changing::new(&[list]);
        let door = Blocking::over(Door::with_resolver(narrow(server.port), resolver)).unwrap();
        let answer = door.answer(Millis(0), &get(&format!("http://name.test:{}/", server.port)));
        match (answer, expected) {
            (Ok(answer), Ok(status)) => assert_eq!(answer.status(), status, "{list:?}"),
            (Err(said), Err(expected)) => {
                let said = said.to_string();
                assert!(said.contains(expected) && said.contains("name.test"), "{list:?}: {said}");
            }
            (answer, _) => panic!("{list:?}: {answer:?}"),
        }
    }
}

#[test]
fn a_name_that_is_not_found_or_not_asked_for_in_time_is_no_answer() {
    struct Hanging;
    impl Resolve for Hanging {
        fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
            Box::pin(std::future::pending())
        }
    }
    let none = Changing::new(&[]);
    for resolver in [none as Arc<dyn Resolve>, Arc::new(Hanging)] {
        // The clock is stopped and jumps to the deadline: nothing else can happen before it.
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
        let door = Door::with_resolver(egress(&[80]), resolver);
        let answer = runtime.block_on(door.answer(Millis(0), &get("http://name.test/")));
        assert_eq!(answer, Ok(Answer::none()));
    }
}

#[test]
fn addresses_are_not_looked_up() {
    let server = Server::saying(http("200 OK", "x"));
    let resolver = Changing::new(&[&["10.0.0.1"]]);
    let door = Blocking::over(Door::with_resolver(narrow(server.port), resolver.clone())).unwrap();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1."] {
        let url = format!("http://{host}:{}/", server.port);
        assert_eq!(door.answer(Millis(0), &get(&url)).unwrap().status(), 200, "{host}");
    }
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}
