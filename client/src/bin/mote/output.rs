//! What `mote` prints: answers, explanations, what was granted.

use motekey_client::{Exchange, Granted, Report, advice};
use motekey_coap::message::{ContentFormat, Response};
use serde_json::{Value, json};

/// An answer for people: the code, then the payload in its most readable form.
pub(crate) fn response(response: &Response) -> String {
    let mut text = format!("{} {}", response.code, code_name(response));
    if let Some(format) = response.options.content_format() {
        text.push_str(&format!(", {}", format_name(format)));
    }
    if !response.payload.is_empty() {
        text.push('\n');
        text.push_str(&payload(
            response.options.content_format(),
            &response.payload,
        ));
    }
    if let Some(advice) = advice(response.code) {
        text.push_str(&format!("\n{advice}"));
    }
    text
}

/// An answer for programs.
pub(crate) fn response_json(response: &Response) -> Value {
    let format = response.options.content_format();
    json!({
        "code": response.code.to_string(),
        "success": response.code.is_success(),
        "content_format": format.map(|format| format.0),
        "payload": if response.payload.is_empty() { None } else { Some(payload(format, &response.payload)) },
        "payload_hex": hexadecimal(&response.payload),
        "advice": advice(response.code),
    })
}

/// Text as it is, CBOR in diagnostic notation, everything else in hexadecimal. Control characters of text from the
/// network are not given to the terminal.
pub(crate) fn payload(format: Option<ContentFormat>, bytes: &[u8]) -> String {
    if is_cbor(format)
        && let Ok(text) = diagnostic(bytes)
    {
        return text;
    }
    match std::str::from_utf8(bytes) {
        Ok(text)
            if text.chars().all(|character| {
                !character.is_control() || matches!(character, '\n' | '\t' | '\r')
            }) =>
        {
            text.to_owned()
        }
        _ => format!("h'{}'", hexadecimal(bytes)),
    }
}

/// What was granted, for people. There are no key bytes in it.
pub(crate) fn granted(granted: &Granted) -> String {
    format!(
        "token      {} bytes\nstructure  {}\naudience   {}\nscope      {}\nlifetime   {} s\nprofile    {}\nkey        {}\nkey id     {}",
        granted.token_length,
        granted.token_structure,
        granted
            .audience
            .as_deref()
            .unwrap_or("(default of the authorization server)"),
        granted
            .scope
            .as_deref()
            .unwrap_or("(default of the authorization server)"),
        granted.lifetime.as_secs(),
        granted.profile,
        granted.key,
        granted
            .kid
            .as_deref()
            .map_or_else(|| "(none)".to_owned(), hexadecimal),
    )
}

/// What was granted, for programs.
pub(crate) fn granted_json(granted: &Granted) -> Value {
    json!({
        "audience": granted.audience,
        "scope": granted.scope,
        "lifetime_seconds": granted.lifetime.as_secs(),
        "profile": granted.profile,
        "key": granted.key,
        "kid": granted.kid.as_deref().map(hexadecimal),
        "token_bytes": granted.token_length,
        "token_structure": granted.token_structure,
    })
}

/// One line per exchange.
pub(crate) fn explanation(report: &Report) -> String {
    let mut text = format!(
        "{:<38} {:>5} {:>11} {:>15} {:>10}  {}\n",
        "step", "trips", "datagrams", "bytes", "time", "what"
    );
    for exchange in &report.exchanges {
        text.push_str(&explanation_line(exchange));
    }
    text
}

/// The tokens that were granted on the way.
pub(crate) fn granted_tokens(report: &Report) -> String {
    let tokens = report.granted.iter();
    tokens
        .map(|entry| format!("granted\n{}\n", granted(entry)))
        .collect()
}

/// The report for programs.
pub(crate) fn explanation_json(report: &Report) -> Value {
    let exchanges: Vec<Value> = report
        .exchanges
        .iter()
        .map(|exchange| {
            json!({
                "step": exchange.step.name(),
                "peer": exchange.peer.to_string(),
                "asked": exchange.asked,
                "outcome": exchange.outcome,
                "round_trips": exchange.traffic.round_trips,
                "datagrams_sent": exchange.traffic.datagrams_sent,
                "datagrams_received": exchange.traffic.datagrams_received,
                "bytes_sent": exchange.traffic.bytes_sent,
                "bytes_received": exchange.traffic.bytes_received,
                "retransmissions": exchange.traffic.retransmissions,
                "microseconds": u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    let granted: Vec<Value> = report.granted.iter().map(granted_json).collect();
    json!({ "exchanges": exchanges, "granted": granted })
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn explanation_line(exchange: &Exchange) -> String {
    let traffic = exchange.traffic;
    format!(
        "{:<38} {:>5} {:>11} {:>15} {:>7}.{:01} ms  {} {} -> {}\n",
        exchange.step.to_string(),
        traffic.round_trips,
        format!(
            "{} / {}",
            traffic.datagrams_sent, traffic.datagrams_received
        ),
        format!("{} / {}", traffic.bytes_sent, traffic.bytes_received),
        exchange.took.as_millis(),
        exchange.took.subsec_micros() % 1000 / 100,
        exchange.peer,
        exchange.asked,
        exchange.outcome,
    )
}

fn code_name(response: &Response) -> &'static str {
    match (response.code.class(), response.code.detail()) {
        (2, 1) => "Created",
        (2, 2) => "Deleted",
        (2, 3) => "Valid",
        (2, 4) => "Changed",
        (2, 5) => "Content",
        (4, 0) => "Bad Request",
        (4, 1) => "Unauthorized",
        (4, 2) => "Bad Option",
        (4, 3) => "Forbidden",
        (4, 4) => "Not Found",
        (4, 5) => "Method Not Allowed",
        (4, 6) => "Not Acceptable",
        (4, 13) => "Request Entity Too Large",
        (4, 15) => "Unsupported Content-Format",
        (5, 0) => "Internal Server Error",
        (5, 1) => "Not Implemented",
        (5, 3) => "Service Unavailable",
        _ => "",
    }
}

fn format_name(format: ContentFormat) -> String {
    match format.media_type() {
        Some(name) => format!("{name} ({})", format.0),
        None => format!("Content-Format {}", format.0),
    }
}

/// Content-Formats that are CBOR: ACE, CBOR, CWT, SenML in CBOR, COSE and AIF.
fn is_cbor(format: Option<ContentFormat>) -> bool {
    format.is_some_and(|format| {
        matches!(
            format.0,
            16..=19 | 60 | 61 | 101 | 102 | 112 | 257 | 262 | 290
        )
    })
}

fn diagnostic(bytes: &[u8]) -> Result<String, motekey_cose::cbor::CborError> {
    motekey_cose::cbor::check(bytes, motekey_cose::cbor::Limits::DEFAULT)?;
    Ok(minicbor::display(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_shown_in_their_most_readable_form() {
        let cases: [(Option<u16>, &[u8], &str); 6] = [
            (Some(0), b"21.5 C", "21.5 C"),
            (None, b"on", "on"),
            (Some(60), &[0xa1, 0x01, 0x62, b'o', b'n'], "{1: \"on\"}"),
            (Some(60), &[0xa1, 0x01], "h'a101'"),
            (Some(42), &[0x00, 0xff], "h'00ff'"),
            (Some(0), b"\x1b[31mred", "h'1b5b33316d726564'"),
        ];
        for (format, bytes, shown) in cases {
            assert_eq!(payload(format.map(ContentFormat), bytes), shown);
        }
    }
}
