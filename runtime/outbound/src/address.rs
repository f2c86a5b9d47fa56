//! Which addresses may be connected to: those of the public internet, and no others.
//!
//! A template can put anything into a URL, and a name can lead anywhere, so the address
//! itself is judged, right before it is connected to. What is not known to be public is
//! refused. Configuration may open blocks; the addresses that hand out a machine's own
//! credentials are opened only by naming exactly them.
//!
//! Sources: the special-purpose registries of IANA for IPv4 and IPv6, and the metadata
//! addresses that the large clouds document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cidr::Cidr;

/// What is special about an IPv4 block, with its first address and length of prefix.
const BLOCKS_V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "this network, unspecified"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared by a carrier"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "reserved for protocols"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "benchmarking"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([255, 255, 255, 255], 32, "broadcast"),
    ([240, 0, 0, 0], 4, "reserved"),
];

/// What is special about an IPv6 block. Those that wrap an IPv4 address are refused as a
/// whole: nobody publishes a service under one, and each is another way to write 127.0.0.1.
const BLOCKS_V6: &[([u16; 8], u8, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "a wrapped IPv4 address"),
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "a wrapped IPv4 address"),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "a wrapped IPv4 address"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "a wrapped IPv4 address of this network"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discarded"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "an IPv4 address wrapped by Teredo"),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "an IPv4 address wrapped by 6to4"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

/// Where clouds hand out a machine's credentials. The one in 168.63 lies amidst public
/// addresses.
const METADATA_V4: &[[u8; 4]] = &[
    [100, 100, 100, 200],
    [168, 63, 129, 16],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [169, 254, 170, 23],
    [192, 0, 0, 192],
];
const METADATA_V6: &[[u16; 8]] = &[
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
    [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
];
const METADATA: &str = "the machine's metadata";

/// Why the address may not be connected to: what it is. `None` if it may.
#[must_use]
pub fn refusal(address: IpAddr, allowed: &[Cidr]) -> Option<&'static str> {
    let special = special(address)?;
    let metadata = special == METADATA;
    // A wide block opened for a service must not open the machine's credentials with it.
    let opens = |cidr: &Cidr| cidr.contains(address) && (!metadata || cidr.is_single());
    (!allowed.iter().any(opens)).then_some(special)
}

/// What the address is, if it is none of the public internet.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    if METADATA_V4.contains(&address.octets()) {
        return Some(METADATA);
    }
    let bits = address.to_bits();
    let within = |first: [u8; 4], prefix: u8| {
        let first = Ipv4Addr::from(first).to_bits();
        (bits ^ first).leading_zeros() >= u32::from(prefix)
    };
    BLOCKS_V4.iter().find(|(first, prefix, _)| within(*first, *prefix)).map(|(.., what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if METADATA_V6.contains(&address.segments()) {
        return Some(METADATA);
    }
    // NAT64 is how a network without IPv4 reaches the public IPv4 internet: what is
    // wrapped decides.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        return special_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    }
    let bits = address.to_bits();
    let within = |first: [u16; 8], prefix: u8| {
        let first = Ipv6Addr::from(first).to_bits();
        (bits ^ first).leading_zeros() >= u32::from(prefix)
    };
    let block = BLOCKS_V6.iter().find(|(first, prefix, _)| within(*first, *prefix));
    let global = address.segments()[0] >> 13 == 1;
    block.map(|(.., what)| *what).or((!global).then_some("not in use on the internet"))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
