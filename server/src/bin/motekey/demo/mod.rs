//! `motekey demo`: the main job, on real UDP and real DTLS, in one command.
//!
//! An authorization server, a resource server and as many devices as asked for, each with a fresh secret of its own,
//! on the loopback interface. Every step is counted at the devices; the table at the end is what a battery pays.

pub(crate) mod curve;
mod device;
mod gateway;
mod progress;
mod raw;
mod refusals;
pub(crate) mod report;
mod run;
pub(crate) mod senml;
mod site;
pub(crate) mod world;

use std::io::IsTerminal;
use std::time::Duration;

use crate::command_line::DemoArguments;
use crate::failure::Failure;
use crate::print::{line, progress};

use self::world::World;

/// Columns of the table where the terminal does not say.
const WIDTH: u16 = 132;

/// How long the demo may take; it needs about a second.
const LONGEST: Duration = Duration::from_secs(30);

/// Plays the demo and prints its report; fails unless every step went as it must.
pub(crate) fn command(arguments: &DemoArguments) -> Result<(), Failure> {
    let world = World::of(arguments.world);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Local(format!("no tokio runtime: {error}")))?;
    let played = runtime.block_on(async {
        let play = run::play(world, usize::from(arguments.devices));
        tokio::time::timeout(LONGEST, play)
            .await
            .unwrap_or_else(|_| Err(format!("it did not end within {} s", LONGEST.as_secs())))
    });
    let played = played.map_err(|reason| {
        Failure::Local(format!(
            "the demo could not go on: {reason}; run it again with MOTEKEY_LOG=debug for the reasons"
        ))
    })?;
    let report = &played.report;
    if arguments.json {
        let document = serde_json::to_string_pretty(report)
            .map_err(|error| Failure::Local(error.to_string()))?;
        line(&document);
    } else {
        line(&format!(
            "\nA day of {} at the {}, as it arrived ({} readings):",
            world.devices, world.resource_server, report.readings
        ));
        for curve in &played.curves {
            line(curve);
        }
        line(&format!(
            "\nWhat each step cost one peer (median; every byte of UDP payload in both directions, DTLS by {} included):",
            report.dtls
        ));
        line(&report.table(width()));
    }
    let refused = report
        .steps
        .iter()
        .filter(|step| step.refusal && step.went_well())
        .count();
    progress(&format!(
        "{} {}: {} of {} steps went as they must, {refused} of them refusals, in {:.1} s",
        report.devices,
        world.devices,
        report.steps.iter().filter(|step| step.went_well()).count(),
        report.steps.len(),
        report.seconds
    ));
    match report.steps.iter().find(|step| !step.went_well()) {
        None => Ok(()),
        Some(step) => Err(Failure::Refused(format!(
            "demo step '{}' did not go as it must: {} of {} peers, {}; run it again with MOTEKEY_LOG=debug for the reasons",
            step.step, step.as_expected, step.peers, step.outcome
        ))),
    }
}

fn width() -> u16 {
    if !std::io::stdout().is_terminal() {
        return WIDTH;
    }
    indicatif::TermLike::width(&console::Term::stdout())
}
