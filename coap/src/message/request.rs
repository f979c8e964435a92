//! Requests as the application sees them: whole, without tokens, message ids and blocks.

use super::options::number;
use super::{Code, ContentFormat, Options};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Code,
    /// The options, without those of block-wise transfer.
    pub options: Options,
    /// The whole body.
    pub payload: Vec<u8>,
}

impl Request {
    /// A request for a path with an optional query, such as `/a/b?x=1`. Segments and arguments are taken as they
    /// stand; see [`crate::uri::Uri`] for percent-encoded URIs.
    pub fn new(method: Code, path_and_query: &str) -> Self {
        let mut options = Options::new();
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        if !path.is_empty() {
            for segment in path.split('/') {
                options.add(number::URI_PATH, segment.as_bytes());
            }
        }
        for argument in query.split('&').filter(|argument| !argument.is_empty()) {
            options.add(number::URI_QUERY, argument.as_bytes());
        }
        Self {
            method,
            options,
            payload: Vec::new(),
        }
    }

    /// GET.
    pub fn get(path_and_query: &str) -> Self {
        Self::new(Code::GET, path_and_query)
    }

    /// POST.
    pub fn post(path_and_query: &str) -> Self {
        Self::new(Code::POST, path_and_query)
    }

    /// PUT.
    pub fn put(path_and_query: &str) -> Self {
        Self::new(Code::PUT, path_and_query)
    }

    /// DELETE.
    pub fn delete(path_and_query: &str) -> Self {
        Self::new(Code::DELETE, path_and_query)
    }

    /// FETCH (RFC 8132).
    pub fn fetch(path_and_query: &str) -> Self {
        Self::new(Code::FETCH, path_and_query)
    }

    /// Sets body and Content-Format.
    #[must_use]
    pub fn with_payload(mut self, format: ContentFormat, payload: impl Into<Vec<u8>>) -> Self {
        self.options.set_content_format(format);
        self.payload = payload.into();
        self
    }

    /// Asks for a representation in this Content-Format.
    #[must_use]
    pub fn accept(mut self, format: ContentFormat) -> Self {
        self.options
            .set_integer(number::ACCEPT, u32::from(format.0));
        self
    }

    /// Asks for notifications (RFC 7641): Observe with value 0.
    #[must_use]
    pub fn observe(mut self) -> Self {
        self.options.set_integer(number::OBSERVE, 0);
        self
    }

    /// The path for people and for tables of resources: segments, each with a slash before it; `/` if there is none.
    /// A slash, a percent sign or a control character inside a segment is percent-encoded, so that one segment never
    /// looks like two; bytes that are not UTF-8 are percent-encoded as well, so that different paths never look equal.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.options.values(number::URI_PATH) {
            path.push('/');
            push_segment(&mut path, segment);
        }
        if path.is_empty() {
            String::from("/")
        } else {
            path
        }
    }

    /// The query arguments, percent-free; bytes that are not UTF-8 are replaced.
    pub fn queries(&self) -> Vec<String> {
        self.options.uri_query()
    }

    /// The body, if it has this Content-Format; else the answer that refuses it.
    ///
    /// # Errors
    /// 4.15 Unsupported Content-Format (RFC 7252 Section 5.9.2.11).
    pub fn require_content_format(&self, wanted: ContentFormat) -> Result<&[u8], super::Response> {
        if self.options.content_format() == Some(wanted) {
            Ok(&self.payload)
        } else {
            // RFC 7252 Section 5.9.2.11: a Content-Format that is not supported.
            Err(super::Response::new(Code::UNSUPPORTED_CONTENT_FORMAT))
        }
    }

    /// The first of `offered` that Accept allows.
    ///
    /// # Errors
    /// 4.06 Not Acceptable: Accept names something else (RFC 7252 Section 5.10.4).
    pub fn require_accept(
        &self,
        offered: &[ContentFormat],
    ) -> Result<ContentFormat, super::Response> {
        let accepted = |format: &&ContentFormat| {
            self.options.first(number::ACCEPT).is_none() || self.options.accept() == Some(**format)
        };
        // RFC 7252 Section 5.10.4: "the server MUST return 4.06" if the preferred format cannot be returned.
        offered
            .iter()
            .find(accepted)
            .copied()
            .ok_or_else(|| super::Response::new(Code::NOT_ACCEPTABLE))
    }
}

/// Text as it is, except what would make two different segments look alike.
fn push_segment(path: &mut String, segment: &[u8]) {
    for chunk in segment.utf8_chunks() {
        for character in chunk.valid().chars() {
            if matches!(character, '/' | '%') || character.is_control() {
                let mut buffer = [0; 4];
                push_percent(path, character.encode_utf8(&mut buffer).as_bytes());
            } else {
                path.push(character);
            }
        }
        push_percent(path, chunk.invalid());
    }
}

fn push_percent(path: &mut String, bytes: &[u8]) {
    for byte in bytes {
        path.push('%');
        for digit in [byte >> 4, byte & 0xf] {
            path.extend(
                char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, ContentFormat, Request, number};

    #[test]
    fn a_path_is_split_into_options_and_joined_again() {
        for (given, path, queries) in [
            ("/", "/", &[][..]),
            ("", "/", &[]),
            ("/a/b?x=1&y", "/a/b", &["x=1", "y"]),
            ("a", "/a", &[]),
            ("/a/", "/a/", &[]),
        ] {
            let request = Request::get(given);
            assert_eq!(request.path(), path, "{given}");
            assert_eq!(request.queries(), queries, "{given}");
        }
    }

    #[test]
    fn a_slash_inside_a_segment_never_equals_two_segments() {
        let mut request = Request::get("/");
        request.options.add(number::URI_PATH, b"a/b");
        assert_eq!(request.path(), "/a%2Fb");
        let mut literal = Request::get("/");
        literal.options.add(number::URI_PATH, b"a%2Fb");
        assert_eq!(literal.path(), "/a%252Fb");
        let mut bytes = Request::get("/");
        bytes.options.add(number::URI_PATH, b"\xff");
        assert_eq!(bytes.path(), "/%FF");
    }

    #[test]
    fn h05_formats_that_cannot_be_met_are_refused() {
        let plain = Request::post("/token").with_payload(ContentFormat(50), *b"{}");
        let refusal = plain
            .require_content_format(ContentFormat::ACE_CBOR)
            .unwrap_err();
        assert_eq!(refusal.code, Code::UNSUPPORTED_CONTENT_FORMAT);
        let offered = [ContentFormat::ACE_CBOR, ContentFormat::CBOR];
        assert_eq!(plain.require_accept(&offered), Ok(ContentFormat::ACE_CBOR));
        let cbor = Request::get("/").accept(ContentFormat::CBOR);
        assert_eq!(cbor.require_accept(&offered), Ok(ContentFormat::CBOR));
        let json = Request::get("/").accept(ContentFormat(50));
        assert_eq!(
            json.require_accept(&offered).unwrap_err().code,
            Code::NOT_ACCEPTABLE
        );
    }
}
