//! Whose request it is, as far as its address says: that of the connection, or the one that a trusted proxy names.
//!
//! A header that names the client is anybody's to write. It is read only on connections from configured proxies, and
//! from its end, which is the part that those proxies wrote.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use crate::config::ForwardedHeader;

/// Other end of the connection on which a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The proxies that name clients, and how.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Networks of the proxies; nobody else is believed.
    pub trusted: Vec<IpNet>,
    /// The one header that they write. A second one would be the client's own.
    pub header: ForwardedHeader,
}

impl Proxies {
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// The client: the last address on the way here that is not a trusted proxy. Where the way can not be read, it is
    /// the last proxy that can be.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let way = match self.header {
            ForwardedHeader::XForwardedFor => entries(headers, "x-forwarded-for", |entry| Some(entry)),
            ForwardedHeader::Forwarded => entries(headers, header::FORWARDED.as_str(), forwarded_for),
        };
        for hop in way.into_iter().rev() {
            let Some(address) = hop else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// The header's entries in order, over all lines of it; none for one that names no address.
fn entries(headers: &HeaderMap, name: &str, node: fn(&str) -> Option<&str>) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| match line.to_str() {
            Ok(line) => line.split(',').map(|entry| node(entry.trim()).and_then(address)).collect(),
            Err(_) => vec![None],
        })
        .collect()
}

/// The `for` of one element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port; IPv6 with a port is in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// What counts as one client: an IPv4 address, or the /64 that an IPv6 client has to itself.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn client(header: ForwardedHeader, peer: &str, lines: &[(&str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap()).to_vec();
        let headers = lines
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Proxies { trusted, header }.client(peer.parse().unwrap(), &headers).to_string()
    }

    fn x(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        client(ForwardedHeader::XForwardedFor, peer, &lines)
    }

    fn f(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        client(ForwardedHeader::Forwarded, peer, &lines)
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(x("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(f("192.0.2.1", &["for=203.0.113.9"]), "192.0.2.1");
        assert_eq!(x("::ffff:192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_wrote_is_the_client() {
        assert_eq!(x("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        // What the client wrote itself is in front.
        assert_eq!(x("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["1.1.1.1", "203.0.113.9", "10.0.0.2"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["10.9.9.9, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(x("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(x("2001:db8:1::1", &["2001:db8:2::7"]), "2001:db8:2::7");
        assert_eq!(x("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["[2001:db8:2::7]:4711"]), "2001:db8:2::7");
    }

    #[test]
    fn what_can_not_be_read_ends_the_way() {
        assert_eq!(x("10.0.0.1", &[]), "10.0.0.1");
        for odd in
            ["", "unknown", "1.1.1.1, _hidden", "1.1.1.1, 203.0.113.9, nonsense", "1.1.1.1,", "1.1.1.1, 1.2.3.4.5"]
        {
            assert_eq!(x("10.0.0.1", &[odd]), "10.0.0.1", "{odd}");
        }
        assert_eq!(x("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(x("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &both), "203.0.113.9");
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1", &both), "1.1.1.1");
    }

    #[test]
    fn forwarded_is_read_as_in_its_rfc() {
        assert_eq!(f("10.0.0.1", &["for=203.0.113.9;proto=http;by=10.0.0.1"]), "203.0.113.9");
        assert_eq!(f("10.0.0.1", &["by=10.0.0.1; For=\"[2001:db8:2::7]:4711\""]), "2001:db8:2::7");
        assert_eq!(f("10.0.0.1", &["for=1.1.1.1, for=203.0.113.9", "For=10.0.0.2"]), "203.0.113.9");
        for odd in ["for=unknown", "for=\"_gazonk\"", "proto=http", "for="] {
            assert_eq!(f("10.0.0.1", &[odd]), "10.0.0.1", "{odd}");
        }
    }

    #[test]
    fn a_household_of_ipv6_is_one_client() {
        let household = |text: &str| household(text.parse().unwrap()).to_string();
        assert_eq!(household("2001:db8:2:3:4:5:6:7"), "2001:db8:2:3::");
        assert_eq!(household("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
