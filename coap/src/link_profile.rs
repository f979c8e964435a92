//! Kinds of networks, and the times and sizes of CoAP and DTLS that fit them together.
//!
//! Both ends of a network take the same profile (RFC 7252 Section 4.8.1). All profiles have the MAX_TRANSMIT_SPAN of
//! RFC 7252, 45 s: slower ones wait longer and repeat less often, so that peers with the constants of RFC 7252 remember
//! messages for long enough. The figures are chosen from what is known of these networks; they are starting points for
//! measurements of one's own, and every field can be changed afterwards.

use core::fmt;
use core::str::FromStr;

use crate::block::BlockSize;
#[cfg(feature = "motekey")]
use crate::dtls::motekey::MotekeyConfig;
use crate::endpoint::EndpointConfig;
use crate::time::Duration;

/// A kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LinkProfile {
    /// Ethernet, Wi-Fi, Thread, LTE: round trips of up to half a second. The constants of RFC 7252 and of RFC 6347
    /// Section 4.2.4.1 (1 s) until a round trip is measured.
    #[default]
    Wired,
    /// NB-IoT and LTE-M: round trips of one to ten seconds, because a device waits for radio resources and its radio
    /// repeats in bad coverage. The link layer makes up for loss, so early repetitions only add to the queue: 9 s before
    /// the first repetition in a handshake (RFC 7925 Section 11), 10 s for a message, and two repetitions instead of
    /// four.
    Cellular,
    /// LoRa and the like: a datagram is on the air for seconds, and a duty cycle of 1 % makes the sender wait for
    /// more. 30 s before the one repetition, at least 5 s whatever was measured; blocks of 64 bytes, handshake datagrams
    /// of 222, the largest payload of the faster LoRaWAN data rates, and Connection IDs of 4 bytes, enough for some
    /// hundreds of sessions.
    SlowRadio,
}

impl LinkProfile {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Wired, Self::Cellular, Self::SlowRadio];

    /// The word in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wired => "wired",
            Self::Cellular => "cellular",
            Self::SlowRadio => "slow_radio",
        }
    }

    /// Times and sizes of the endpoint.
    pub fn endpoint(self) -> EndpointConfig {
        let default = EndpointConfig::default();
        match self {
            Self::Wired => default,
            Self::Cellular => EndpointConfig {
                ack_timeout: Duration::from_secs(10),
                min_ack_timeout: Duration::from_secs(1),
                max_ack_timeout: Duration::from_secs(30),
                max_retransmit: 2,
                piggyback_time: Duration::from_secs(5),
                body_time_limit: Duration::from_secs(120),
                handshake_time_limit: Duration::from_secs(150),
                ..default
            },
            Self::SlowRadio => EndpointConfig {
                ack_timeout: Duration::from_secs(30),
                min_ack_timeout: Duration::from_secs(5),
                max_ack_timeout: Duration::from_secs(30),
                max_retransmit: 1,
                piggyback_time: Duration::from_secs(15),
                block_size: BlockSize::B64,
                body_time_limit: Duration::from_secs(247),
                handshake_time_limit: Duration::from_secs(300),
                ..default
            },
        }
    }

    /// Times and sizes of the handshakes.
    #[cfg(feature = "motekey")]
    pub fn dtls(self) -> MotekeyConfig {
        let default = MotekeyConfig::default();
        let handshake_time_limit = self.endpoint().handshake_time_limit;
        match self {
            Self::Wired => default,
            Self::Cellular => MotekeyConfig {
                flight_interval: Duration::from_secs(9),
                handshake_time_limit,
                ..default
            },
            Self::SlowRadio => MotekeyConfig {
                flight_interval: Duration::from_secs(30),
                handshake_time_limit,
                handshake_datagram: 222,
                connection_id_length: 4,
                ..default
            },
        }
    }
}

impl fmt::Display for LinkProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for LinkProfile {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == word)
            .ok_or_else(|| {
                format!("no link profile '{word}': there are wired, cellular and slow_radio")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in LinkProfile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        assert!("pigeon".parse::<LinkProfile>().is_err());
    }

    #[test]
    fn all_profiles_repeat_within_the_span_of_rfc_7252() {
        for profile in LinkProfile::ALL {
            let config = profile.endpoint();
            assert_eq!(config.max_transmit_span(), Duration::from_secs(45));
            assert!(config.min_ack_timeout <= config.ack_timeout, "{profile}");
            assert!(config.piggyback_time < config.ack_timeout, "{profile}");
        }
    }

    #[cfg(feature = "motekey")]
    #[test]
    fn both_limits_of_a_handshake_are_the_same_and_leave_room_for_repetitions() {
        for profile in LinkProfile::ALL {
            let (endpoint, dtls) = (profile.endpoint(), profile.dtls());
            assert_eq!(endpoint.handshake_time_limit, dtls.handshake_time_limit);
            assert!(dtls.handshake_time_limit >= dtls.flight_interval * 7);
        }
    }
}
