//! `coap` and `coaps` URIs: taken apart into options (RFC 7252 Section 6.4) and put together again (Section 6.5).

use core::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::message::options::number;
use crate::message::{Code, Options, Request};

/// The scheme of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `coap`, default port 5683.
    Coap,
    /// `coaps`, default port 5684.
    Coaps,
}

/// A `coap` or `coaps` URI, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    scheme: Scheme,
    host: String,
    port: u16,
    options: Options,
}

/// Why a text is no `coap` or `coaps` URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriError {
    /// Neither `coap://` nor `coaps://` at the beginning.
    Scheme,
    /// No host, user information, or an address that is none.
    Host,
    /// A port that is no number from 1 to 65535.
    Port,
    /// A fragment (RFC 7252 Section 6.4, step 3).
    Fragment,
    /// A percent sign without two hexadecimal digits.
    Percent,
    /// A character that a URI does not have.
    Character,
    /// A segment, an argument or a host of more than 255 bytes.
    TooLong,
}

impl Scheme {
    /// The port where none is given.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Coap => 5683,
            Self::Coaps => 5684,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Coap => "coap://",
            Self::Coaps => "coaps://",
        }
    }
}

impl Uri {
    /// Takes a URI apart.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.contains('#') {
            return Err(UriError::Fragment);
        }
        if text
            .bytes()
            .any(|byte| !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&byte))
        {
            return Err(UriError::Character);
        }
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or(UriError::Host)?;
        let (path, query) = rest
            .split_once('?')
            .map_or((rest, None), |(path, query)| (path, Some(query)));
        let (host, port) = split_authority(authority, scheme.default_port())?;
        let mut options = Options::new();
        if host.parse::<IpAddr>().is_err() {
            // RFC 7252 Section 6.4, step 5: Uri-Host if the host is no address, in lower case.
            add(&mut options, number::URI_HOST, host.as_bytes())?;
        }
        if !matches!(path, "" | "/") {
            for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
                add(&mut options, number::URI_PATH, &percent_decode(segment)?)?;
            }
        }
        for argument in query.into_iter().flat_map(|query| query.split('&')) {
            add(&mut options, number::URI_QUERY, &percent_decode(argument)?)?;
        }
        Ok(Self {
            scheme,
            host,
            port,
            options,
        })
    }

    /// The URI that a request to `server` with these options asks for.
    pub fn compose(scheme: Scheme, server: SocketAddr, options: &Options) -> Self {
        let host = options
            .uri_host()
            .map_or_else(|| server.ip().to_string(), str::to_owned);
        let port = options
            .integer(number::URI_PORT)
            .and_then(|port| u16::try_from(port).ok());
        let mut own = options.clone();
        own.retain(|number, _| {
            matches!(
                number,
                number::URI_HOST | number::URI_PATH | number::URI_QUERY
            )
        });
        Self {
            scheme,
            host,
            port: port.unwrap_or(server.port()),
            options: own,
        }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name in lower case, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, that of the scheme if none was given.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where to send, if the host is an address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.host
            .parse()
            .ok()
            .map(|address: IpAddr| SocketAddr::new(address, self.port))
    }

    /// A request for this URI: Uri-Host (for names), Uri-Path and Uri-Query are set.
    pub fn request(&self, method: Code) -> Request {
        Request {
            method,
            options: self.options.clone(),
            payload: Vec::new(),
        }
    }
}

/// RFC 7252 Section 6.5.
impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.scheme.prefix())?;
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => write!(formatter, "[{address}]")?,
            Err(_) => percent_encode(formatter, self.host.as_bytes(), b"!$&'()*+,;=")?,
        }
        if self.port != self.scheme.default_port() {
            write!(formatter, ":{}", self.port)?;
        }
        let mut segments = self.options.values(number::URI_PATH).peekable();
        if segments.peek().is_none() {
            formatter.write_str("/")?;
        }
        for segment in segments {
            formatter.write_str("/")?;
            percent_encode(formatter, segment, b"!$&'()*+,;=:@")?;
        }
        for (index, argument) in self.options.values(number::URI_QUERY).enumerate() {
            formatter.write_str(if index == 0 { "?" } else { "&" })?;
            // The example in Appendix B of RFC 7252 encodes the slash, so it is done here too.
            percent_encode(formatter, argument, b"!$'()*+,;=:@?")?;
        }
        Ok(())
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scheme => "the URI begins with neither coap:// nor coaps://",
            Self::Host => "the URI has no host, or not a valid one",
            Self::Port => "the port of the URI is no number from 1 to 65535",
            Self::Fragment => "the URI has a fragment",
            Self::Percent => "a percent sign in the URI lacks its two digits",
            Self::Character => "the URI has a character that must be percent-encoded",
            Self::TooLong => "a part of the URI is longer than 255 bytes",
        })
    }
}

impl std::error::Error for UriError {}

fn split_scheme(text: &str) -> Result<(Scheme, &str), UriError> {
    let (name, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
    match name.to_ascii_lowercase().as_str() {
        "coap" => Ok((Scheme::Coap, rest)),
        "coaps" => Ok((Scheme::Coaps, rest)),
        _ => Err(UriError::Scheme),
    }
}

fn split_authority(authority: &str, default_port: u16) -> Result<(String, u16), UriError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (literal, port) = rest.split_once(']').ok_or(UriError::Host)?;
        let address: Ipv6Addr = literal.parse().map_err(|_| UriError::Host)?;
        (
            address.to_string(),
            if port.is_empty() {
                None
            } else {
                Some(port.strip_prefix(':').ok_or(UriError::Host)?)
            },
        )
    } else {
        let (host, port) = authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port)));
        let host = String::from_utf8(percent_decode(host)?).map_err(|_| UriError::Host)?;
        (host.to_lowercase(), port)
    };
    if host.is_empty() || host.contains('@') {
        return Err(UriError::Host);
    }
    let port = match port {
        None | Some("") => default_port,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(UriError::Port)?,
        Some(_) => return Err(UriError::Port),
    };
    Ok((host, port))
}

fn add(options: &mut Options, number: u16, value: &[u8]) -> Result<(), UriError> {
    if value.len() > 255 {
        return Err(UriError::TooLong);
    }
    options.add(number, value);
    Ok(())
}

fn percent_decode(text: &str) -> Result<Vec<u8>, UriError> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || {
            bytes
                .next()
                .and_then(|digit| char::from(digit).to_digit(16))
                .ok_or(UriError::Percent)
        };
        let value = digit()? << 4 | digit()?;
        decoded.push(u8::try_from(value).map_err(|_| UriError::Percent)?);
    }
    Ok(decoded)
}

/// Writes the unreserved characters and those of `also` as they are.
fn percent_encode(formatter: &mut fmt::Formatter<'_>, bytes: &[u8], also: &[u8]) -> fmt::Result {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || also.contains(byte) {
            write!(formatter, "{}", char::from(*byte))?;
        } else {
            write!(formatter, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Options, Scheme, Uri, UriError, number};

    #[test]
    fn the_examples_of_rfc_7252_appendix_b_are_composed_and_taken_apart() {
        let vectors = include_str!("../tests/vectors/rfc7252_messages.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        for example in vectors["uri_examples"].as_array().unwrap() {
            let mut options = Options::new();
            for option in example["options"].as_array().unwrap() {
                let value = option[1].as_str().unwrap();
                match option[0].as_str().unwrap() {
                    "Uri-Host" => options.add(number::URI_HOST, value.as_bytes()),
                    "Uri-Path" => options.add(number::URI_PATH, value.as_bytes()),
                    "Uri-Query" => options.add(number::URI_QUERY, value.as_bytes()),
                    _ => options.add(number::URI_PATH, "こんにちは".as_bytes()),
                }
            }
            let server = example["dest"].as_str().unwrap().parse().unwrap();
            let text = example["uri"].as_str().unwrap();
            assert_eq!(
                Uri::compose(Scheme::Coap, server, &options).to_string(),
                text
            );
            let parsed = Uri::parse(text).unwrap();
            assert_eq!(parsed.options, options, "{text}");
            assert_eq!(parsed.port(), server.port());
        }
    }

    #[test]
    fn equal_uris_of_rfc_7252_section_6_3_are_equal() {
        let first = Uri::parse("coap://example.com:5683/~sensors/temp.xml").unwrap();
        for text in [
            "coap://EXAMPLE.com/%7Esensors/temp.xml",
            "coap://EXAMPLE.com:/%7esensors/temp.xml",
        ] {
            assert_eq!(Uri::parse(text).unwrap(), first);
        }
    }

    #[test]
    fn addresses_and_ports_are_found() {
        for (text, address) in [
            ("coaps://[2001:db8::1]/a", Some("[2001:db8::1]:5684")),
            ("coaps://[::1]:61617", Some("[::1]:61617")),
            ("coap://192.0.2.1?x", Some("192.0.2.1:5683")),
            ("coaps://as.example/token", None),
        ] {
            let uri = Uri::parse(text).unwrap();
            assert_eq!(
                uri.address(),
                address.map(|address| address.parse().unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_coap_uri_is_refused() {
        let long = format!("coap://h/{}", "a".repeat(256));
        for (text, error) in [
            ("http://example.com/", UriError::Scheme),
            ("coap:/example.com", UriError::Scheme),
            ("/path", UriError::Scheme),
            ("coap:///path", UriError::Host),
            ("coap://user@host/", UriError::Host),
            ("coap://[::1/", UriError::Host),
            ("coap://[::1]5683/", UriError::Host),
            ("coap://[example]/", UriError::Host),
            ("coap://host:0/", UriError::Port),
            ("coap://host:65536/", UriError::Port),
            ("coap://host:+1/", UriError::Port),
            ("coap://host/#part", UriError::Fragment),
            ("coap://host/%4", UriError::Percent),
            ("coap://host/%zz", UriError::Percent),
            ("coap://host/a b", UriError::Character),
            (&long, UriError::TooLong),
        ] {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }
}
