//! Refusals as concise problem details (RFC 9290, Content-Format 257): the form that authorization servers may use
//! besides the map of RFC 9200 Section 5.8.3.

use motekey_coap::message::{ContentFormat, Response};
use motekey_cose::cbor::{CborError, Limits, MapReader, Value};
use motekey_cose::message::{ErrorCode, ErrorResponse};

/// `application/concise-problem-details+cbor`.
const PROBLEM_DETAILS: ContentFormat = ContentFormat(257);

const TITLE: i64 = -1;
const DETAIL: i64 = -2;
const INSTANCE: i64 = -3;
/// The entry `ace-error`, provisional.
const ACE_ERROR: i64 = 2;
/// `error-code` in it.
const ERROR_CODE: i64 = 0;

/// The OAuth error in an answer, in either form; `None` if it holds none that can be read.
pub(crate) fn oauth_error(response: &Response) -> Option<ErrorResponse> {
    match response.options.content_format() {
        Some(ContentFormat::ACE_CBOR) => ErrorResponse::decode(&response.payload).ok(),
        Some(PROBLEM_DETAILS) => decode(&response.payload).ok().flatten(),
        _ => None,
    }
}

fn decode(bytes: &[u8]) -> Result<Option<ErrorResponse>, CborError> {
    let mut members = MapReader::parse(bytes, Limits::DEFAULT, &[])?;
    let (mut error, mut title, mut detail, mut uri) = (None, None, None, None);
    while let Some((label, value)) = members.next_member()? {
        match label {
            TITLE => title = text(&value)?,
            DETAIL => detail = text(&value)?,
            INSTANCE => uri = text(&value)?,
            ACE_ERROR => {
                let mut entry = value.map(&[])?;
                while let Some((label, value)) = entry.next_member()? {
                    if label == ERROR_CODE {
                        error = Some(ErrorCode::from_i64(value.integer()?));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(error.map(|error| ErrorResponse {
        error,
        description: detail.or(title),
        uri,
    }))
}

/// RFC 9290 Section 2: a text is a string, or tag 38 with a language, which this client does not show.
fn text(value: &Value<'_>) -> Result<Option<String>, CborError> {
    match value.kind() {
        motekey_cose::cbor::Kind::Tag => Ok(None),
        _ => value.text().map(|text| Some(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use motekey_coap::message::Code;

    use super::*;

    fn refusal(format: ContentFormat, payload: &[u8]) -> Response {
        Response::new(Code::BAD_REQUEST).with_payload(format, payload)
    }

    #[test]
    fn both_forms_are_read() {
        let details = b"\xa3\x02\xa1\x00\x08\x20\x61T\x21\x61D";
        let titled = b"\xa2\x02\xa1\x00\x06\x20\x61T";
        let with_language = b"\xa2\x02\xa1\x00\x06\x21\xd8\x26\x82\x62en\x61D";
        type Case<'a> = (u16, &'a [u8], Option<(i64, Option<&'a str>)>);
        let cases: [Case<'_>; 9] = [
            (19, b"\xa1\x18\x1e\x06", Some((6, None))),
            (19, b"\xa2\x18\x1e\x07\x18\x1f\x61D", Some((7, Some("D")))),
            (257, details, Some((8, Some("D")))),
            (257, titled, Some((6, Some("T")))),
            (257, with_language, Some((6, None))),
            // No error code, malformed, two times the same member, another format.
            (257, b"\xa1\x20\x61T", None),
            (257, b"\xa1\x02\x08", None),
            (257, b"\xa2\x02\xa1\x00\x06\x02\xa1\x00\x07", None),
            (50, b"{\"error\":\"invalid_scope\"}", None),
        ];
        for (format, payload, wanted) in cases {
            let found = oauth_error(&refusal(ContentFormat(format), payload));
            let found = found
                .as_ref()
                .map(|error| (error.error.to_i64(), error.description.as_deref()));
            assert_eq!(found, wanted, "{format} {payload:02x?}");
        }
    }
}
