//! Other rights for a running session (RFC 9202 Section 4), and uploads.

use motekey_coap::message::{ContentFormat, Request};
use motekey_cose::scope::Scope;

use crate::authorization::Wanted;
use crate::client::Inner;
use crate::configuration::ResourceServer;
use crate::error::{Error, Role};
use crate::nonce::UploadFailure;
use crate::profile::Upload;
use crate::report::Step;
use crate::session::{Call, State};
use crate::token::Access;
use crate::wire::Link;

impl Inner {
    /// Another token for the running session, with another scope; without a session, for the next one.
    pub(crate) async fn change_scope(
        &self,
        state: &mut State,
        call: &Call<'_>,
        scope: Scope,
    ) -> Result<(), Error> {
        // RFC 9202 Section 4: an update names the kid of the running session's key.
        let running = state.running();
        let (key, link) = running
            .map(|(access, link)| (access.key.clone(), link.clone()))
            .unzip();
        let own = self.servers.own_key(call.configured)?;
        let wanted = Wanted {
            scope: Some(scope),
            ..Wanted::new(call.configured).bound_to(own).for_running(key)
        };
        if let Some(access) = self.update(call, wanted, link.as_ref(), None).await? {
            self.hold(call, state, access).await;
        }
        Ok(())
    }

    /// A token, uploaded over the running session if there is one; once more with the nonce that a refusal brings.
    /// `None`: the token that it `replaces` is not the one in use any more, so it was not uploaded.
    pub(crate) async fn update(
        &self,
        call: &Call<'_>,
        mut wanted: Wanted,
        link: Option<&Link>,
        replaces: Option<&Access>,
    ) -> Result<Option<Access>, Error> {
        let step = match link {
            Some(_) => Step::UpdateRequest,
            None => Step::TokenRequest,
        };
        let mut hints = self.nonce_ahead(call).await?;
        let mut again = false;
        loop {
            if let Some(hints) = hints {
                self.check_issuer(call, &hints)?;
                wanted.cnonce = hints.cnonce;
            }
            let access = self.request_token(step, call.configured, &wanted).await?;
            let Some(link) = link else {
                return Ok(Some(access));
            };
            if let Some(old) = replaces
                && !call.slot.lock().await.holds(old)
            {
                // Somebody else has changed the token meanwhile, perhaps to wider rights: that one stays.
                return Ok(None);
            }
            let upload = self.profile_of(&access)?.update(&access.token);
            let uploading = self.upload(Step::UpdateUpload, link, call.configured, upload);
            let Err(refusal) = uploading.await else {
                return Ok(Some(access));
            };
            hints = match again {
                false => self.nonce_after(call, &refusal).await,
                true => None,
            };
            if hints.is_none() {
                return Err(refusal.into());
            }
            again = true;
            if wanted.refreshed.is_some() && access.refresh_token.is_some() {
                wanted.refreshed = Some(Box::new(access));
            }
        }
    }

    /// POST to authz-info; anything but a success is a refusal.
    pub(crate) async fn upload(
        &self,
        step: Step,
        link: &Link,
        configured: &ResourceServer,
        upload: Upload,
    ) -> Result<(), UploadFailure> {
        let asked = format!(
            "POST {} token of {} bytes",
            configured.authz_info,
            upload.payload.len()
        );
        let request = Request::post(&configured.authz_info)
            .with_payload(ContentFormat(upload.content_format), upload.payload);
        let response = self
            .exchange(step, link, asked, request)
            .await
            .map_err(|failure| failure.into_error(Role::ResourceServer, link.peer))?;
        if response.code.is_success() {
            Ok(())
        } else {
            Err(UploadFailure::refused(&response))
        }
    }
}
