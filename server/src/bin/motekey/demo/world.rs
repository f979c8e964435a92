//! The three worlds of the demo as data: who is there, what is measured, who may do what.

use clap::ValueEnum;

use super::curve::{Household, Machine, Room};

/// Seconds between two readings.
pub(crate) const INTERVAL: i64 = 900;

/// A world to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorldName {
    /// A metering gateway with its meters.
    Energy,
    /// A production cell under one control system.
    Factory,
    /// A home hub with thermostats.
    Home,
}

/// Names and paths of one world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    /// Name on the command line.
    pub(crate) name: &'static str,
    /// What the resource server is.
    pub(crate) resource_server: &'static str,
    /// Its audience.
    pub(crate) audience: &'static str,
    /// What one device is.
    pub(crate) device: &'static str,
    /// Several of them.
    pub(crate) devices: &'static str,
    /// Who reads all of them.
    pub(crate) operator: &'static str,
    /// Path that lists all; a device posts to its own path below it.
    pub(crate) collection: &'static str,
    /// Path of an actuator that no device may move.
    pub(crate) actuator: &'static str,
    /// Name of the measured quantity.
    pub(crate) quantity: &'static str,
    /// Its unit (RFC 8428 Section 12.1).
    pub(crate) unit: &'static str,
    curve: fn(u64, i64) -> f64,
}

impl World {
    /// The world of that name.
    pub(crate) fn of(name: WorldName) -> &'static Self {
        match name {
            WorldName::Energy => &ENERGY,
            WorldName::Factory => &FACTORY,
            WorldName::Home => &HOME,
        }
    }

    /// Name of a device, numbered from 1.
    pub(crate) fn device_name(&self, number: usize) -> String {
        format!("{}-{number:02}", self.device)
    }

    /// The path that this device alone may post to.
    pub(crate) fn device_path(&self, number: usize) -> String {
        format!("{}/{}", self.collection, self.device_name(number))
    }

    /// Name of the device's series in SenML.
    pub(crate) fn series_name(&self, number: usize) -> String {
        format!("{}:{}", self.device_name(number), self.quantity)
    }

    /// What a device measured from `from` (inclusive) to `to` seconds of the day, as (offset, value).
    pub(crate) fn readings(&self, seed: u64, from: i64, to: i64) -> Vec<(i64, f64)> {
        let mut readings = Vec::new();
        let mut second = from;
        while second < to {
            readings.push((second - from, (self.curve)(seed, second)));
            second += INTERVAL;
        }
        readings
    }
}

const ENERGY: World = World {
    name: "energy",
    resource_server: "metering gateway",
    audience: "metering-gateway",
    device: "meter",
    devices: "meters",
    operator: "technician",
    collection: "/meters",
    actuator: "/relay/1",
    quantity: "power",
    unit: "W",
    curve: |seed, second| Household::new(seed).power(second),
};

const FACTORY: World = World {
    name: "factory",
    resource_server: "cell controller",
    audience: "cell-controller",
    device: "bearing",
    devices: "bearing sensors",
    operator: "maintenance",
    collection: "/bearings",
    actuator: "/press/stroke",
    quantity: "temperature",
    unit: "Cel",
    curve: |seed, second| Machine::new(seed).temperature(second),
};

const HOME: World = World {
    name: "home",
    resource_server: "home hub",
    audience: "home-hub",
    device: "thermostat",
    devices: "thermostats",
    operator: "resident",
    collection: "/rooms",
    actuator: "/door/lock",
    quantity: "temperature",
    unit: "Cel",
    curve: |seed, second| Room::new(seed).temperature(second),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_96_readings_that_are_not_all_the_same() {
        for name in [WorldName::Energy, WorldName::Factory, WorldName::Home] {
            let readings = World::of(name).readings(3, 0, 86_400);
            assert_eq!(readings.len(), 96);
            let distinct: std::collections::BTreeSet<_> =
                readings.iter().map(|(_, value)| value.to_bits()).collect();
            assert!(
                distinct.len() > 30,
                "{name:?}: {} distinct values",
                distinct.len()
            );
        }
    }

    #[test]
    fn devices_have_names_and_paths_of_their_own() {
        let world = World::of(WorldName::Energy);
        assert_eq!(world.device_path(7), "/meters/meter-07");
        assert_eq!(world.series_name(7), "meter-07:power");
    }
}
