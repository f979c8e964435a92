//! What the commands print: tables for people, one JSON document for programs.

use std::time::{Duration, UNIX_EPOCH};

use comfy_table::{ContentArrangement, Table, presets};
use motekey_server::control::{DeviceState, Knows, Revoked, TokenState};
use serde_json::json;

use crate::print::line;

/// Tokens that are listed, as they come.
pub(super) struct TokenList {
    tokens: Vec<TokenState>,
    json: bool,
}

impl TokenList {
    pub(super) const fn begin(json: bool) -> Self {
        let tokens = Vec::new();
        Self { tokens, json }
    }

    pub(super) fn add(&mut self, tokens: Vec<TokenState>) {
        self.tokens.extend(tokens);
    }

    pub(super) fn print(&self) {
        if self.json {
            line(&format!("{:#}", json!({ "tokens": self.tokens })));
            return;
        }
        let mut table = table(&[
            "token",
            "device",
            "for",
            "key",
            "expires",
            "revoked",
            "acknowledged",
        ]);
        for token in &self.tokens {
            table.add_row([
                token.token.clone(),
                token.device.clone(),
                token.resource_server.clone(),
                token.key.clone(),
                time(token.expires_at),
                token.revoked_at.map(time).unwrap_or_default(),
                knowledge(&token.known_by),
            ]);
        }
        line(&table.to_string());
        line(&count(self.tokens.len(), "token"));
    }
}

pub(super) fn devices(devices: &[DeviceState], json: bool) {
    if json {
        line(&format!("{:#}", json!({ "devices": devices })));
        return;
    }
    let mut table = table(&["device", "credential", "state", "acknowledged"]);
    for device in devices {
        let state = match (device.disabled, device.administrator) {
            (true, _) => "disabled",
            (false, true) => "administrator",
            (false, false) => "",
        };
        table.add_row([
            device.device.clone(),
            device.credential.clone(),
            state.to_owned(),
            knowledge(&device.known_by),
        ]);
    }
    line(&table.to_string());
    line(&count(devices.len(), "device"));
}

/// What was revoked, and who knows. `device` was disabled besides.
pub(super) fn revoked(revoked: &Revoked, device: Option<&str>, json: bool) {
    if json {
        let document = json!({
            "disabled": device,
            "count": revoked.count,
            "tokens": revoked.tokens,
            "known_by": revoked.known_by,
        });
        line(&format!("{document:#}"));
        return;
    }
    if let Some(device) = device {
        line(&format!("{device} is disabled"));
    }
    line(&format!("revoked {}", count(revoked.count, "token")));
    for token in &revoked.tokens {
        line(&format!(
            "  {} of {} for {}",
            token.token, token.device, token.resource_server
        ));
    }
    if revoked.count > revoked.tokens.len() {
        line(&format!(
            "  and {} more",
            revoked.count - revoked.tokens.len()
        ));
    }
    for knows in &revoked.known_by {
        line(&knowledge(std::slice::from_ref(knows)));
    }
    if revoked
        .known_by
        .iter()
        .any(|knows| knows.acknowledged_at.is_none())
    {
        line(
            "who has not acknowledged hears of it when it asks next; motekey token list shows when that was",
        );
    }
}

fn knowledge(known_by: &[Knows]) -> String {
    let one = |knows: &Knows| match (knows.acknowledged_at, &knows.by) {
        (Some(at), Some(by)) => {
            format!("{} acknowledged {} ({by})", knows.resource_server, time(at))
        }
        _ => format!("{} has not acknowledged yet", knows.resource_server),
    };
    let lines: Vec<_> = known_by.iter().map(one).collect();
    lines.join("\n")
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.iter().map(|name| name.to_uppercase()));
    table
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn time(seconds: i64) -> String {
    // The last second that the text form knows.
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).unwrap_or_default().min(LAST);
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}
