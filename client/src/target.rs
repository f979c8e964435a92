//! The URLs of the caller: what a request is for and where its server is.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use motekey_coap::message::{Code, Request};
use motekey_coap::uri::{Scheme, Uri};

use crate::error::{Error, Role};

/// Host and port of a `coaps` URL: the unit that a session and a token belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// Lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "coaps://[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "coaps://{}:{}", self.host, self.port)
        }
    }
}

impl Origin {
    /// Whether `audience` is this host, with or without scheme and port. Nothing but these spellings counts: who gets
    /// the token hangs on it.
    pub(crate) fn is_named_by(&self, audience: &str) -> bool {
        let rest = audience.strip_prefix("coaps://");
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let default_port = self.port == Scheme::Coaps.default_port();
        let with_port = format!("{host}:{}", self.port);
        match rest {
            // A URI without a port names the default port.
            Some(rest) => rest == with_port || (default_port && rest == host),
            None => audience == with_port || audience == host || audience == self.host,
        }
    }

    /// The first address of the host.
    pub(crate) async fn resolve(&self, role: Role) -> Result<SocketAddr, Error> {
        let unreachable = |reason: String| Error::CannotReach {
            role,
            peer: self.to_string(),
            reason,
        };
        let mut addresses = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| unreachable(format!("the name does not resolve: {error}")))?;
        addresses
            .next()
            .ok_or_else(|| unreachable("the name has no address".into()))
    }
}

/// A `coaps` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) origin: Origin,
    uri: Uri,
}

impl Target {
    /// Takes a URL with scheme `coaps`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let uri = parse_any(text)?;
        if uri.scheme() == Scheme::Coaps {
            Ok(Self::of(uri))
        } else {
            Err(invalid(text, "requests are sent over coaps only"))
        }
    }

    /// Takes the URI of a token endpoint from the configuration.
    pub(crate) fn parse_token_endpoint(text: &str) -> Result<Self, Error> {
        let target = Self::parse(text)?;
        if !target.request(Code::POST).queries().is_empty() {
            // RFC 9200 Section 5: parameters travel in the payload, never in the query.
            return Err(invalid(text, "a token endpoint has no query"));
        }
        target.or_default_endpoint()
    }

    /// Takes the URI of an authorization server from hints. RFC 9200 Section 5.3: the scheme may have to be changed
    /// to the secure one.
    pub(crate) fn parse_hinted(text: &str) -> Result<Self, Error> {
        let uri = parse_any(text)?;
        let default_port = uri.port() == uri.scheme().default_port();
        let mut target = Self::of(uri);
        if default_port {
            target.origin.port = Scheme::Coaps.default_port();
        }
        target.or_default_endpoint()
    }

    /// A request for this resource.
    pub(crate) fn request(&self, method: Code) -> Request {
        self.uri.request(method)
    }

    /// The path, for people.
    pub(crate) fn path(&self) -> String {
        self.request(Code::GET).path()
    }

    /// Same host, port and path.
    pub(crate) fn same_endpoint(&self, other: &Self) -> bool {
        self.origin == other.origin && self.path() == other.path()
    }

    /// RFC 9200 Section 5.8: the token endpoint is at /token if nothing else is said.
    fn or_default_endpoint(self) -> Result<Self, Error> {
        if self.path() == "/" {
            Self::parse(&format!("{}/token", self.origin))
        } else {
            Ok(self)
        }
    }

    fn of(uri: Uri) -> Self {
        // One address can be written in several ways.
        let host = match uri.host().parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => uri.host().to_owned(),
        };
        Self {
            origin: Origin {
                host,
                port: uri.port(),
            },
            uri,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.path())
    }
}

fn parse_any(text: &str) -> Result<Uri, Error> {
    Uri::parse(text).map_err(|error| invalid(text, &error.to_string()))
}

fn invalid(text: &str, reason: &str) -> Error {
    Error::InvalidUri {
        uri: text.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_paths_and_case_are_normal() {
        let cases = [
            ("coaps://RS.example.com", "coaps://rs.example.com:5684/"),
            (
                "coaps://rs.example.com:9000/a/b?x=1",
                "coaps://rs.example.com:9000/a/b",
            ),
            ("coaps://[0:0::1]:9000/a", "coaps://[::1]:9000/a"),
            ("coaps://127.0.0.1/meters", "coaps://127.0.0.1:5684/meters"),
        ];
        for (text, normal) in cases {
            assert_eq!(Target::parse(text).unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn an_audience_names_the_host_in_few_spellings() {
        let cases = [
            ("coaps://rs.example.com", "rs.example.com", true),
            ("coaps://rs.example.com", "rs.example.com:5684", true),
            ("coaps://rs.example.com", "coaps://rs.example.com", true),
            (
                "coaps://rs.example.com",
                "coaps://rs.example.com:5684",
                true,
            ),
            ("coaps://rs.example.com:9000", "rs.example.com", true),
            (
                "coaps://rs.example.com:9000",
                "coaps://rs.example.com:9000",
                true,
            ),
            ("coaps://[::1]", "::1", true),
            ("coaps://[::1]", "[::1]:5684", true),
            ("coaps://rs.example.com", "", false),
            ("coaps://rs.example.com", "evil", false),
            ("coaps://rs.example.com", "rs.example.com.evil", false),
            ("coaps://rs.example.com", "evil.rs.example.com", false),
            ("coaps://rs.example.com", "rs.example.com:5683", false),
            ("coaps://rs.example.com", "rs.example.com/evil", false),
            (
                "coaps://rs.example.com",
                "coaps://evil@rs.example.com",
                false,
            ),
            (
                "coaps://rs.example.com:9000",
                "coaps://rs.example.com",
                false,
            ),
            ("coaps://rs.example.com:9000", "rs.example.com:5684", false),
        ];
        for (url, audience, named) in cases {
            let origin = Target::parse(url).unwrap().origin;
            assert_eq!(origin.is_named_by(audience), named, "{url} {audience:?}");
        }
    }

    #[test]
    fn other_urls_are_wrong_use() {
        for text in [
            "",
            "coap://rs.example.com/a",
            "http://rs.example.com",
            "rs.example.com",
            "coaps://",
            "coaps://h:x/",
            "coaps://h:70000/",
            "coaps://h:1:2/",
            "coaps://[::1/",
            "coaps://[::1]5684/",
            "coaps://[rs]/",
            "coaps://user@h/",
            "coaps://h/#part",
            "coaps://h/a b",
        ] {
            assert!(
                matches!(Target::parse(text), Err(Error::InvalidUri { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_hinted_coap_uri_names_the_secure_endpoint() {
        let own = Target::parse("coaps://as.example.com/token").unwrap();
        for hinted in [
            "coap://as.example.com/token",
            "coaps://as.example.com/token",
            "coaps://AS.example.com",
        ] {
            assert!(
                own.same_endpoint(&Target::parse_hinted(hinted).unwrap()),
                "{hinted}"
            );
        }
        for hinted in [
            "coaps://as.example.com/other",
            "coaps://as.example.com:1/token",
            "coaps://as.example.org/token",
        ] {
            assert!(
                !own.same_endpoint(&Target::parse_hinted(hinted).unwrap()),
                "{hinted}"
            );
        }
    }
}
