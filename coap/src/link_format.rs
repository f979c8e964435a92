//! Link format (RFC 6690) for `/.well-known/core`.

use core::fmt::Write as _;

use crate::message::ContentFormat;

/// Writes links one after the other.
///
/// ```
/// use motekey_coap::link_format::LinkWriter;
/// let mut links = LinkWriter::new();
/// links.link("/authz-info").resource_type("ace.ai").content_format(61.into());
/// links.link("/temperature").observable();
/// assert_eq!(links.finish(), "</authz-info>;rt=\"ace.ai\";ct=61,</temperature>;obs");
/// ```
#[derive(Debug, Clone, Default)]
pub struct LinkWriter(String);

/// One link; its attributes are written as they are given.
#[derive(Debug)]
pub struct Link<'a>(&'a mut String);

impl LinkWriter {
    /// No links yet.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Begins a link to a path. Characters that would end the reference are percent-encoded.
    pub fn link(&mut self, path: &str) -> Link<'_> {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push('<');
        for character in path.chars() {
            if matches!(character, '<' | '>' | '"' | ' ') || character.is_control() {
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(self.0, "%{byte:02X}");
                }
            } else {
                self.0.push(character);
            }
        }
        self.0.push('>');
        Link(&mut self.0)
    }

    /// The document.
    pub fn finish(self) -> String {
        self.0
    }
}

impl Link<'_> {
    /// `rt`, the resource type (RFC 6690 Section 3.1).
    pub fn resource_type(self, value: &str) -> Self {
        self.attribute("rt", value)
    }

    /// `if`, the interface description (RFC 6690 Section 3.2).
    pub fn interface(self, value: &str) -> Self {
        self.attribute("if", value)
    }

    /// `title` (RFC 8288).
    pub fn title(self, value: &str) -> Self {
        self.attribute("title", value)
    }

    /// `ct`, the Content-Format (RFC 7252 Section 7.2.1).
    pub fn content_format(self, format: ContentFormat) -> Self {
        let _ = write!(self.0, ";ct={}", format.0);
        self
    }

    /// `obs`: the resource can be observed (RFC 7641 Section 6).
    pub fn observable(self) -> Self {
        self.0.push_str(";obs");
        self
    }

    /// Any other attribute, as a quoted string. The name must be a token (RFC 6690 Section 2).
    pub fn attribute(self, name: &str, value: &str) -> Self {
        let _ = write!(self.0, ";{name}=\"");
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('"');
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{ContentFormat, LinkWriter};

    #[test]
    fn links_have_the_form_of_rfc_6690() {
        let mut links = LinkWriter::new();
        links
            .link("/sensors/temp")
            .resource_type("temperature-c")
            .interface("sensor");
        links
            .link("/a>b")
            .title("say \"\\\"")
            .content_format(ContentFormat::CBOR)
            .observable();
        let expected = concat!(
            "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\",",
            "</a%3Eb>;title=\"say \\\"\\\\\\\"\";ct=60;obs"
        );
        assert_eq!(links.finish(), expected);
        assert_eq!(LinkWriter::new().finish(), "");
    }
}
