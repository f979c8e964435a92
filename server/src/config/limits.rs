//! Limits: numbers with a range.

use std::ops::RangeInclusive;
use std::time::Duration;

use motekey_coap::endpoint::EndpointConfig;
use toml::Spanned;

use super::file::LimitsTable;
use super::problem::Problem;

/// The limits of the endpoint: what the table says, over those of the link profile.
pub(super) fn endpoint(
    mut config: EndpointConfig,
    table: &LimitsTable,
) -> Result<EndpointConfig, Problem> {
    sessions(table, &mut config)?;
    if let Some(seconds) = in_range(
        "handshake_time_limit_seconds",
        table.handshake_time_limit_seconds.as_ref(),
        1..=600,
    )? {
        config.handshake_time_limit = Duration::from_secs(seconds);
    }
    if let Some(seconds) = in_range(
        "idle_time_limit_seconds",
        table.idle_time_limit_seconds.as_ref(),
        60..=31_536_000,
    )? {
        config.idle_time_limit = Duration::from_secs(seconds);
    }
    let timeout = table.acknowledgement_timeout_milliseconds.as_ref();
    if let Some(milliseconds) = in_range(
        "acknowledgement_timeout_milliseconds",
        timeout,
        100..=60_000,
    )? {
        config.ack_timeout = Duration::from_millis(milliseconds);
        config.piggyback_time = config.ack_timeout / 2;
    }
    if let Some(bytes) = count(
        "max_body_bytes",
        table.max_body_bytes.as_ref(),
        1024..=1_048_576,
    )? {
        config.max_body = bytes;
    }
    if let Some(bytes) = count(
        "max_message_bytes",
        table.max_message_bytes.as_ref(),
        1152..=65_000,
    )? {
        config.max_message = bytes;
    }
    Ok(config)
}

/// How many sessions there are at a time.
fn sessions(table: &LimitsTable, config: &mut EndpointConfig) -> Result<(), Problem> {
    let limits = [
        (
            "max_sessions",
            &table.max_sessions,
            1_000_000,
            &mut config.max_sessions,
        ),
        (
            "max_half_open_sessions",
            &table.max_half_open_sessions,
            100_000,
            &mut config.max_half_open,
        ),
        (
            "max_sessions_per_source",
            &table.max_sessions_per_source,
            1_000_000,
            &mut config.max_sessions_per_source,
        ),
        (
            "max_half_open_sessions_per_source",
            &table.max_half_open_sessions_per_source,
            100_000,
            &mut config.max_half_open_per_source,
        ),
    ];
    for (name, value, most, limit) in limits {
        if let Some(number) = count(name, value.as_ref(), 1..=most)? {
            *limit = number;
        }
    }
    Ok(())
}

/// How many issued tokens are remembered, if the table says so.
pub(super) fn issued_tokens(table: &LimitsTable) -> Result<Option<usize>, Problem> {
    count(
        "max_issued_tokens",
        table.max_issued_tokens.as_ref(),
        1..=100_000_000,
    )
}

fn count(
    name: &str,
    value: Option<&Spanned<u64>>,
    range: RangeInclusive<u64>,
) -> Result<Option<usize>, Problem> {
    Ok(in_range(name, value, range)?.and_then(|number| usize::try_from(number).ok()))
}

fn in_range(
    name: &str,
    value: Option<&Spanned<u64>>,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if range.contains(&number) {
        return Ok(Some(number));
    }
    let (start, end) = range.into_inner();
    Err(Problem::at(
        value.span(),
        format!("limits: {name} = {number}, {start} to {end} are possible"),
    ))
}
