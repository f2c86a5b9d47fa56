//! Where answers to Connected Content come from: fixtures first, then, if hosts are opened,
//! the network.
//!
//! Fetching for real gives up that a seed gives the same run: it is for trying a Canvas
//! against a service, and asked for by naming hosts.

use std::io;

use flowrun_core::Millis;
use flowrun_core::template::{Answer, Request};
use flowrun_outbound::{Blocking, Egress, Fixtures};

use crate::outside::{Fetch, missing};

/// What a run is given to answer from. By default nothing: every request is refused.
#[derive(Default)]
pub struct Answers {
    fixtures: Fixtures,
    door: Option<Blocking>,
}

impl Answers {
    /// Fixtures, and what may be fetched where they have no answer. Without an allowed
    /// host there is no door at all.
    pub fn new(fixtures: Fixtures, egress: Egress) -> io::Result<Answers> {
        let opened = !egress.allow_hosts.is_empty();
        let door = opened.then(|| Blocking::new(egress)).transpose()?;
        Ok(Answers { fixtures, door })
    }
}

impl Answers {
    /// Fixtures, and no door.
    pub fn only(fixtures: Fixtures) -> Answers {
        Answers { fixtures, door: None }
    }
}

impl Fetch for Answers {
    fn answer(&mut self, now: Millis, request: &Request) -> Result<Answer, String> {
        match (self.fixtures.answer(request), &self.door) {
            (Some(answer), _) => Ok(answer),
            (None, Some(door)) => door.answer(now, request).map_err(|error| error.to_string()),
            (None, None) => Err(missing(request)),
        }
    }
}

#[cfg(test)]
mod tests {
    use flowrun_core::template::{Caching, Method};
    use flowrun_outbound::HostPattern;

    use super::*;

    #[test]
    fn fixtures_come_first_and_only_named_hosts_are_fetched_from() {
        let fixtures = || Fixtures::parse("- { url: 'https://a.test/*', body: hi }").unwrap();
        let allow_hosts = vec![HostPattern::parse("c.test").unwrap()];
        let open = Egress { allow_hosts, ..Egress::default() };
        for (fixtures, egress, url, expected) in [
            (fixtures(), Egress::default(), "https://a.test/x", Ok("hi")),
            (
                fixtures(),
                Egress::default(),
                "https://b.test/x",
                Err("no fixture answers GET https://b.test/x"),
            ),
            (Fixtures::default(), Egress::default(), "https://a.test/x", Err("--fixtures FILE")),
            (fixtures(), open.clone(), "https://a.test/x", Ok("hi")),
            (fixtures(), open, "https://b.test/x", Err("allow it with --allow-host b.test")),
        ] {
            let request = Request {
                method: Method::Get,
                url: url.into(),
                headers: Vec::new(),
                body: None,
                content_type: None,
                basic_auth: None,
                auth_credentials: None,
                caching: Caching::Usual,
                retry: false,
            };
            let answer = Answers::new(fixtures, egress).unwrap().answer(Millis(0), &request);
            match (answer, expected) {
                (Ok(answer), Ok(body)) => assert_eq!(answer.body(), body),
                (Err(said), Err(expected)) => assert!(said.contains(expected), "{said}"),
                (answer, _) => panic!("{url}: {answer:?}"),
            }
        }
    }
}
