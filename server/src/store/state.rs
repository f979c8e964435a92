//! What a store knows, in memory: the whole of [`MemoryStore`](super::MemoryStore), and what
//! [`SqliteStore`](super::SqliteStore) reads.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::revocation::{Change, RevocationList, TokenSelection};
use super::tokens::Tokens;
use super::{Counter, IssuedToken, StoreError};
use crate::clock::UnixSeconds;
use crate::registry::{Device, Registry, RegistryError};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) registry: Arc<Registry>,
    /// Devices that are kept out by command, and whether their own record disables them too.
    pub(super) kept_out: BTreeMap<Arc<str>, bool>,
    pub(super) serial: u64,
    pub(super) expires_in: HashMap<String, u64>,
    pub(super) tokens: Tokens,
    pub(super) revocations: RevocationList,
}

impl State {
    pub(super) fn put_device(&mut self, mut device: Device) -> Result<(), RegistryError> {
        let own = device.disabled;
        let kept_out = self.kept_out.get_mut(&device.name);
        device.disabled |= kept_out.is_some();
        Arc::make_mut(&mut self.registry).put_device(device)?;
        if let Some(kept_out) = kept_out {
            *kept_out = own;
        }
        Ok(())
    }

    /// Puts another registry in the place of the present one. Who is kept out by command stays out, also one that is
    /// not registered for some time.
    pub(super) fn replace_registry(&mut self, registry: Registry) -> Result<(), RegistryError> {
        let mut registry = registry;
        let mut kept_out = self.kept_out.clone();
        for (name, own) in &mut kept_out {
            let Some(device) = registry.device(name) else {
                continue;
            };
            *own = device.disabled;
            let disabled = Device {
                disabled: true,
                ..Device::clone(device)
            };
            registry.put_device(disabled)?;
        }
        self.registry = Arc::new(registry);
        self.kept_out = kept_out;
        Ok(())
    }

    /// Takes the registry of another state, which keeps others out.
    pub(super) fn take_registry(&mut self, other: &Self) -> Result<(), RegistryError> {
        let mut registry = Registry::clone(&other.registry);
        for (name, own) in &other.kept_out {
            if let Some(device) = registry.device(name) {
                let device = Device {
                    disabled: *own,
                    ..Device::clone(device)
                };
                registry.put_device(device)?;
            }
        }
        self.replace_registry(registry)
    }

    /// Whether the device is disabled then; `None` if there is none.
    pub(super) fn set_disabled(
        &mut self,
        name: &str,
        disabled: bool,
    ) -> Result<Option<bool>, RegistryError> {
        let Some(device) = self.registry.device(name) else {
            return Ok(None);
        };
        let name = device.name.clone();
        let own = match self.kept_out.get(&name) {
            Some(own) => *own,
            None => device.disabled,
        };
        let disabled_then = disabled || own;
        if device.disabled != disabled_then {
            let device = Device {
                disabled: disabled_then,
                ..Device::clone(device)
            };
            Arc::make_mut(&mut self.registry).put_device(device)?;
        }
        if disabled {
            self.kept_out.insert(name, own);
        } else {
            self.kept_out.remove(&name);
        }
        Ok(Some(disabled_then))
    }

    /// Reserves numbers below `limit`.
    pub(super) fn reserve(
        &mut self,
        counter: Counter<'_>,
        count: u64,
        limit: u64,
    ) -> Result<Range<u64>, StoreError> {
        let last = match counter {
            Counter::Serial => &mut self.serial,
            Counter::ExpiresIn(name) => self.expires_in.entry(name.to_owned()).or_default(),
        };
        let end = last
            .checked_add(count)
            .filter(|end| *end < limit)
            .ok_or(StoreError::Full)?;
        let reserved = *last + 1..end + 1;
        *last = end;
        Ok(reserved)
    }

    pub(super) fn revoke(
        &mut self,
        which: &TokenSelection,
        now: UnixSeconds,
    ) -> (Vec<Arc<IssuedToken>>, Vec<Change>) {
        let revoked = self.tokens.revoke(which, now);
        let changes = self.revocations.add(&revoked);
        (revoked, changes)
    }
}
