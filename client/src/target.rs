//! The URLs of the caller: what a request is for and where its server is.

use std::fmt;
use std::net::SocketAddr;

use motekey_coap::message::{Code, Request};

use crate::error::{Error, Role};

/// Default port of `coaps` (RFC 7252 Section 6.2).
const COAPS_PORT: u16 = 5684;

/// Default port of `coap` (RFC 7252 Section 6.1).
const COAP_PORT: u16 = 5683;

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
    /// Absolute path, percent-encoded as given; `/` if the URL has none.
    pub(crate) path: String,
    /// Query without the question mark.
    pub(crate) query: Option<String>,
}

impl Target {
    /// Takes a URL with scheme `coaps`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidUri {
            uri: text.to_owned(),
            reason: reason.to_owned(),
        };
        let uri = Uri::parse(text).map_err(invalid)?;
        if !uri.secure {
            return Err(invalid("requests are sent over coaps only"));
        }
        Ok(Self::of(&uri))
    }

    /// Takes the URI of a token endpoint from the configuration.
    pub(crate) fn parse_token_endpoint(text: &str) -> Result<Self, Error> {
        let target = Self::parse(text)?;
        if target.query.is_some() {
            // RFC 9200 Section 5: parameters travel in the payload, never in the query.
            let reason = "a token endpoint has no query".to_owned();
            return Err(Error::InvalidUri {
                uri: text.to_owned(),
                reason,
            });
        }
        Ok(target.or_default_endpoint())
    }

    /// Takes the URI of an authorization server from hints. RFC 9200 Section 5.3: the scheme may have to be changed
    /// to the secure one.
    pub(crate) fn parse_hinted(text: &str) -> Result<Self, Error> {
        let uri = Uri::parse(text).map_err(|error| Error::InvalidUri {
            uri: text.to_owned(),
            reason: error.to_owned(),
        })?;
        let mut target = Self::of(&uri);
        if !uri.secure && uri.port == COAP_PORT {
            target.origin.port = COAPS_PORT;
        }
        Ok(target.or_default_endpoint())
    }

    /// RFC 9200 Section 5.8: the token endpoint is at /token if nothing else is said.
    fn or_default_endpoint(mut self) -> Self {
        if self.path == "/" {
            self.path = "/token".to_owned();
        }
        self
    }

    fn of(uri: &Uri) -> Self {
        Self {
            origin: Origin {
                host: uri.host.to_ascii_lowercase(),
                port: uri.port,
            },
            path: uri.path.clone(),
            query: uri.query.clone(),
        }
    }

    /// A request for this resource.
    pub(crate) fn request(&self, method: Code) -> Request {
        Request::new(method, &self.path_and_query())
    }

    fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Same host, port and path.
    pub(crate) fn same_endpoint(&self, other: &Self) -> bool {
        self.origin == other.origin && self.path == other.path
    }
}

/// The parts of a `coap` or `coaps` URI (RFC 7252 Section 6).
struct Uri {
    secure: bool,
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

impl Uri {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("it has no scheme")?;
        let secure = scheme.eq_ignore_ascii_case("coaps");
        if !secure && !scheme.eq_ignore_ascii_case("coap") {
            return Err("its scheme is neither coaps nor coap");
        }
        if rest.contains(['#', '@', ' ', '%']) {
            return Err("fragments, user names, blanks and percent-encoding are not taken");
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(index) => rest.split_at(index),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => port
                .parse()
                .map_err(|_| "its port is not a number up to 65535")?,
            None if secure => COAPS_PORT,
            None => COAP_PORT,
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            query,
        })
    }
}

/// Host, without the brackets of an IPv6 address, and port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed
            .split_once(']')
            .ok_or("its IPv6 address has no end")?;
        host.parse::<std::net::Ipv6Addr>()
            .map_err(|_| "its IPv6 address is none")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("something follows its IPv6 address"),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if host.is_empty() {
        Err("it has no host")
    } else {
        Ok((host, port))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.path_and_query())
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
                "coaps://rs.example.com:9000/a/b?x=1",
            ),
            ("coaps://[::1]:9000/a", "coaps://[::1]:9000/a"),
            ("coaps://127.0.0.1/meters", "coaps://127.0.0.1:5684/meters"),
        ];
        for (text, normal) in cases {
            assert_eq!(Target::parse(text).unwrap().to_string(), normal, "{text}");
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
