//! Where a request goes: its URL, read as browsers read it, and held against the rules.
//!
//! A URL has many ways to hide a host: numbers in octal, percent signs, look-alike
//! letters, line breaks. All of them are gone once it is parsed; rules judge what remains,
//! and that is also what is connected to.

use url::{Host, Url};

use crate::egress::{Egress, plain};
use crate::error::Error;

/// The longest URL that is called, in bytes.
const LONGEST: usize = 16 << 10;

/// A place that may be called, as far as its URL tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub tls: bool,
    pub host: Host<String>,
    pub port: u16,
    /// What stands in the first line of the request.
    pub path: String,
}

impl Target {
    pub fn of(url: &str, egress: &Egress) -> Result<Target, Error> {
        let unreadable = |why: &str| Error::Unreadable { why: why.to_owned() };
        if url.len() > LONGEST {
            return Err(unreadable("it is longer than 16 KiB"));
        }
        let url = Url::parse(url).map_err(|error| unreadable(&error.to_string()))?;
        let host =
            url.host().map(|host| host.to_owned()).ok_or_else(|| unreadable("it has no host"));
        let tls = url.scheme() == "https";
        let plain_allowed = egress.http && url.scheme() == "http";
        if !tls && !plain_allowed {
            // Only the schemes of the web have hosts that are read as such.
            let host = host.map_or_else(|_| "it".to_owned(), |host| host.to_string());
            return Err(Error::Scheme { scheme: url.scheme().to_owned(), host });
        }
        let host =
            plain(host?).ok_or_else(|| unreadable("a part of its host is empty or too long"))?;
        let name = || host.to_string();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::UserInfo { host: name() });
        }
        if !egress.allow_hosts.iter().any(|pattern| pattern.matches(&host)) {
            return Err(Error::Host { host: name() });
        }
        let port = url.port_or_known_default().unwrap_or(443);
        if !egress.ports.contains(&port) {
            return Err(Error::Port { host: name(), port, allowed: egress.ports.clone() });
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Target { tls, host, port, path: format!("{}{query}", url.path()) })
    }

    /// The value of the header `Host`.
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        match self.port == usual {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::HostPattern;

    fn egress(hosts: &[&str]) -> Egress {
        let allow_hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        Egress { allow_hosts, ..Egress::default() }
    }

    #[test]
    fn a_url_is_read_as_browsers_read_it() {
        let egress = egress(&["api.example.com", "*.shop.example", "127.0.0.1", "::1"]);
        for (url, expected) in [
            ("https://api.example.com", "api.example.com /"),
            ("https://api.example.com:443/a?b=c#d", "api.example.com /a?b=c"),
            ("HTTPS://API.EXAMPLE.COM./a", "api.example.com /a"),
            ("https://api.example.com:80/", "api.example.com:80 /"),
            ("https:\\\\api.example.com\\a", "api.example.com /a"),
            ("https:/api.example.com/a", "api.example.com /a"),
            (" https://api.exa\nmple.com/ ", "api.example.com /"),
            ("https://%61pi.example.com/é x?ö", "api.example.com /%C3%A9%20x?%C3%B6"),
            ("https://ⓐpi.example.com/", "api.example.com /"),
            ("https://a.b.shop.example/../x", "a.b.shop.example /x"),
            ("https://127.0.0.1/", "127.0.0.1 /"),
            ("https://127.1/", "127.0.0.1 /"),
            ("https://2130706433/", "127.0.0.1 /"),
            ("https://0177.0.0.1/", "127.0.0.1 /"),
            ("https://0x7f000001/", "127.0.0.1 /"),
            ("https://0X7F.1./", "127.0.0.1 /"),
            ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", "127.0.0.1 /"),
            ("https://[::1]/", "[::1] /"),
            ("https://[0:0:0::0:1]/", "[::1] /"),
        ] {
            let target = Target::of(url, &egress).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(format!("{} {}", target.authority(), target.path), expected, "{url}");
        }
    }

    #[test]
    fn a_url_that_breaks_a_rule_says_which() {
        let egress = egress(&["api.example.com", "*.shop.example"]);
        let long = format!("https://api.example.com/{}", "a".repeat(LONGEST));
        for (url, expected) in [
            ("", "can't be read"),
            ("api.example.com/x", "can't be read"),
            ("https://", "can't be read"),
            ("https://a b/", "can't be read"),
            ("https://api.example.com:99999/", "can't be read"),
            ("https://[fe80::1%25eth0]/", "can't be read"),
            ("https://[::1", "can't be read"),
            ("https://1.2.3.4.5/", "can't be read"),
            ("https://256.1.1.1/", "can't be read"),
            ("https://xn--a/", "can't be read"),
            ("https://api..example.com/", "a part of its host is empty"),
            (&long, "longer than 16 KiB"),
            (
                "http://api.example.com/",
                "`http` may not be used to call `api.example.com`: write https, or allow it with --allow-http",
            ),
            (
                "ftp://api.example.com/",
                "`ftp` may not be used to call `api.example.com`: write https",
            ),
            ("file:///etc/passwd", "`file` may not be used"),
            ("data:text/plain,x", "`data` may not be used"),
            ("gopher://api.example.com/", "`gopher` may not be used"),
            ("https://me@api.example.com/", "holds a user or a password"),
            ("https://:pw@api.example.com/", "holds a user or a password"),
            ("https://api.example.com@evil.org/", "holds a user or a password for `evil.org`"),
            (
                "https://evil.org/",
                "`evil.org` may not be called: allow it with --allow-host evil.org, or in [egress] allow_hosts of flowrun.toml",
            ),
            ("https://evil.org#@api.example.com/", "`evil.org` may not be called"),
            ("https://evil.org\\@api.example.com/", "`evil.org` may not be called"),
            ("https://api.example.com.evil.org/", "may not be called"),
            ("https://shop.example/", "`shop.example` may not be called"),
            ("https://xshop.example/", "`xshop.example` may not be called"),
            // The first letter is Cyrillic.
            ("https://аpi.example.com/", "`xn--pi-6kc.example.com` may not be called"),
            ("https://127.0.0.1/", "`127.0.0.1` may not be called"),
            ("https://2130706433/", "`127.0.0.1` may not be called"),
            ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", "`127.0.0.1` may not be called"),
            ("https://[::ffff:127.0.0.1]/", "`[::ffff:7f00:1]` may not be called"),
            (
                "https://api.example.com:8443/",
                "port 8443 of `api.example.com` may not be called: only 80 and 443",
            ),
            ("https://api.example.com:22/", "port 22"),
            ("https://api.example.com:0/", "port 0"),
        ] {
            let said = Target::of(url, &egress).expect_err(url).to_string();
            assert!(said.contains(expected), "{url}: {said}");
        }
        let nothing = Target::of("https://api.example.com/", &Egress::default());
        assert!(matches!(nothing, Err(Error::Host { .. })));
    }

    #[test]
    fn http_and_other_ports_are_opted_into() {
        let egress = Egress { http: true, ports: vec![8080], ..egress(&["localhost"]) };
        let target = Target::of("http://localhost:8080/x", &egress).unwrap();
        assert_eq!((target.tls, &*target.authority()), (false, "localhost:8080"));
        assert!(matches!(Target::of("http://localhost/", &egress), Err(Error::Port { .. })));
    }
}
