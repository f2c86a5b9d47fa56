//! Blocks of addresses, as configuration and the table of blocks write them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A block of addresses such as `10.0.0.0/8`; a bare address is the block of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    first: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether the address lies in the block. A block of one family holds none of the other.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        width(address) == width(self.first)
            && masked(address, self.prefix) == masked(self.first, self.prefix)
    }

    /// Whether the block is one address and no more.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.prefix == width(self.first)
    }
}

/// How many bits an address of this family has.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first bits of an address, at the left end.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    // A shift by all bits would overflow: a prefix of 0 keeps none.
    bits & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Cidr, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| {
            format!("`{text}` is no block of addresses: write one like 10.1.0.0/16 or fd12::/48")
        })?;
        let prefix = match prefix {
            None => width(first),
            Some(prefix) => {
                prefix.parse().ok().filter(|bits| *bits <= width(first)).ok_or_else(|| {
                    format!("`{text}`: after `/` comes a number from 0 to {}", width(first))
                })?
            }
        };
        // A block that doesn't begin where it says was meant to be another.
        let begin = match first {
            IpAddr::V4(_) => IpAddr::V4(((masked(first, prefix) >> 96) as u32).into()),
            IpAddr::V6(_) => IpAddr::V6(masked(first, prefix).into()),
        };
        if begin != first {
            return Err(format!(
                "`{text}` begins inside its block: write {begin}/{prefix} or {first}"
            ));
        }
        Ok(Cidr { first, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cidr, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            ("192.0.2.7", ["192.0.2.7", "192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
            ("::/0", ["::", "ffff::"], ["0.0.0.0", "127.0.0.1"]),
            ("fd00::/8", ["fd00::", "fdff:ffff::"], ["fcff:ffff::", "fe00::"]),
            ("::1/128", ["::1", "::1"], ["::", "::2"]),
        ] {
            let cidr: Cidr = block.parse().unwrap();
            assert!(inside.iter().all(|ip| cidr.contains(ip.parse().unwrap())), "{block}");
            assert!(!outside.iter().any(|ip| cidr.contains(ip.parse().unwrap())), "{block}");
            assert_eq!(cidr.to_string().parse(), Ok(cidr));
        }
    }

    #[test]
    fn what_is_no_block_says_what_one_is() {
        for (text, expected) in [
            ("", "is no block"),
            ("example.com", "is no block"),
            ("10.0.0.0/", "a number from 0 to 32"),
            ("10.0.0.0/33", "a number from 0 to 32"),
            ("10.0.0.0/-1", "a number from 0 to 32"),
            ("::/129", "a number from 0 to 128"),
            ("10.0.0/8", "is no block"),
            ("10.1.2.3/8", "write 10.0.0.0/8 or 10.1.2.3"),
            ("fd00::1/64", "write fd00::/64 or fd00::1"),
        ] {
            let said = text.parse::<Cidr>().unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
