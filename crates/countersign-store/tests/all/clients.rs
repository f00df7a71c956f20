//! What every store promises about the settings of clients.

use std::time::Duration;

use countersign_core::ClientId;
use countersign_core::client::{Client, ClientChange, ClientSettings, GrantType, SettingsError};
use countersign_core::refresh::LateRetry;
use countersign_core::session::RevokedReason;
use countersign_core::store::{ClientChanged, ClientRemoved, Standing};
use countersign_token::{Scope, TokenType};

use crate::contract::{check_every_store, client};
use crate::support::{NOON, revoked, user};

/// Settings of which none is the default.
pub(crate) fn every_setting() -> ClientSettings {
    ClientSettings {
        name: "The shop".to_owned(),
        redirect_uris: vec!["https://shop.example/callback".to_owned()],
        grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scope: Some(Scope::parse("orders:read orders:write").unwrap()),
        audiences: vec!["https://api.example".to_owned()],
        access_token_lifetime: Some(Duration::from_secs(60)),
        idle_lifetime: Some(Duration::from_secs(600)),
        absolute_lifetime: Some(Duration::from_secs(6000)),
        grace: Some(Duration::ZERO),
        access_token_type: Some(TokenType::Jwt),
        late_retry: Some(LateRetry::Recover),
    }
}

#[test]
fn all_changes_of_a_clients_settings_are_made_or_none() {
    check_every_store(async |store, _| {
        let id: ClientId = "shop".parse().unwrap();
        let name = |name: &str| ClientChange::Name(name.to_owned());
        let change = async |changes: &[ClientChange]| store.change_client(&id, &[], changes).await.unwrap();
        assert_eq!(change(&[name("a")]).await, ClientChanged::NoSuchClient);
        store.add_client(&[], &Client { settings: every_setting(), ..client("shop") }).await.unwrap();
        let bad = ClientChange::Grants(Vec::new());
        assert_eq!(change(&[name("a"), bad]).await, ClientChanged::Invalid(SettingsError::Grants));
        assert_eq!(store.client(&id).await.unwrap().unwrap().settings, every_setting());
        let public = client("kiosk");
        store.add_client(&[], &public).await.unwrap();
        let audience = ClientChange::Audiences(vec!["https://api.example".to_owned()]);
        let refused = store.change_client(&public.id, &[], &[audience]).await.unwrap();
        assert_eq!(refused, ClientChanged::Invalid(SettingsError::PublicAudience));
        let changed = change(&[name("a"), ClientChange::Scope(None)]).await;
        let wanted = ClientSettings { name: "a".to_owned(), scope: None, ..every_setting() };
        let read = store.client(&id).await.unwrap().unwrap();
        assert_eq!(read.settings, wanted);
        assert_eq!(changed, ClientChanged::Done(Box::new(read)));
        let unknown = Standing::of(&user("3"));
        let outdated = store.change_client(&id, std::slice::from_ref(&unknown), &[name("b")]).await.unwrap();
        assert_eq!(outdated, ClientChanged::Outdated);
        let how = revoked(RevokedReason::EndedByAdmin, NOON);
        let outdated = store.remove_client(&id, &[unknown], &how).await.unwrap();
        assert_eq!(outdated, ClientRemoved::Outdated);
        assert_eq!(store.client(&id).await.unwrap().unwrap().settings, wanted);
    });
}
