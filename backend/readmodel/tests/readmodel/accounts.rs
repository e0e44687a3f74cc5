//! What is no projection: accounts, sessions, images, watches.

use gavel_domain::{AccountId, ImageId, ItemId};
use gavel_readmodel::{AccountRow, Error, NewImage, NewSession, SessionKind};
use newtype_uuid::GenericUuid;
use uuid::Uuid;

use crate::databases::{TestDatabase, on_both};

on_both! {
    an_email_is_taken_whatever_its_letter_case
    an_admin_is_granted_by_email
    a_session_is_found_until_it_expires_or_ends
    an_image_comes_back_as_it_was_put
    an_item_is_watched_until_it_is_not
}

pub(crate) fn account(email: &str) -> AccountRow {
    AccountRow {
        account_id: AccountId::from_untyped_uuid(Uuid::new_v4()),
        email: email.into(),
        display_name: "Ada".into(),
        password_hash: "$argon2id$…".into(),
        is_admin: false,
        is_suspended: false,
        created_ms: 17,
    }
}

async fn an_email_is_taken_whatever_its_letter_case(fresh: &TestDatabase) {
    let database = fresh.connect().await;
    let ada = account("Ada@Example.org");
    database.create_account(&ada).await.unwrap();

    let refused = database.create_account(&account("ada@example.ORG ")).await;

    assert!(matches!(refused, Err(Error::EmailTaken)), "{refused:?}");
    assert_eq!(database.account_by_email("ADA@example.org").await.unwrap(), Some(ada.clone()));
    assert_eq!(database.account_by_id(ada.account_id).await.unwrap(), Some(ada));
    assert_eq!(database.account_by_email("ben@example.org").await.unwrap(), None);
}

async fn an_admin_is_granted_by_email(fresh: &TestDatabase) {
    let database = fresh.connect().await;
    let ada = account("ada@example.org");
    database.create_account(&ada).await.unwrap();

    assert!(database.grant_admin("Ada@example.org").await.unwrap());
    assert!(!database.grant_admin("ben@example.org").await.unwrap());

    assert!(database.account_by_id(ada.account_id).await.unwrap().unwrap().is_admin);
}

async fn a_session_is_found_until_it_expires_or_ends(fresh: &TestDatabase) {
    let database = fresh.connect().await;
    let ada = account("ada@example.org");
    database.create_account(&ada).await.unwrap();
    for (token, kind, expires_at_ms) in
        [(1, SessionKind::Browser, 100), (2, SessionKind::Bearer, 200), (3, SessionKind::Bearer, 300)]
    {
        let session =
            NewSession { token_hash: [token; 32], account_id: ada.account_id, kind, created_ms: 0, expires_at_ms };
        database.create_session(&session).await.unwrap();
    }

    let found = database.find_session(&[1; 32], 99).await.unwrap().unwrap();
    assert_eq!((found.account, found.kind, found.expires_at_ms), (ada.clone(), SessionKind::Browser, 100));
    assert_eq!(database.find_session(&[1; 32], 100).await.unwrap(), None, "it expires at that very time");
    assert_eq!(database.find_session(&[9; 32], 0).await.unwrap(), None);

    assert_eq!(database.delete_expired_sessions(100).await.unwrap(), 1);
    database.delete_session(&[2; 32]).await.unwrap();
    assert_eq!(database.find_session(&[2; 32], 0).await.unwrap(), None);
    assert_eq!(database.delete_sessions_of(ada.account_id).await.unwrap(), 1, "the third was left");
}

async fn an_image_comes_back_as_it_was_put(fresh: &TestDatabase) {
    let database = fresh.connect().await;
    let ada = account("ada@example.org");
    database.create_account(&ada).await.unwrap();
    let image = NewImage {
        image_id: ImageId::from_untyped_uuid(Uuid::new_v4()),
        owner_id: ada.account_id,
        content_type: "image/webp".into(),
        bytes: (0..=255).collect(),
        thumbnail: vec![0, 1, 2],
        created_ms: 5,
    };

    database.put_image(image.clone()).await.unwrap();

    let stored = database.image(image.image_id).await.unwrap().unwrap();
    assert_eq!(
        (stored.owner_id, stored.content_type, stored.bytes),
        (ada.account_id, "image/webp".into(), image.bytes)
    );
    assert_eq!(database.thumbnail(image.image_id).await.unwrap().unwrap().bytes, image.thumbnail);
    assert_eq!(database.image(ImageId::from_untyped_uuid(Uuid::nil())).await.unwrap(), None);
}

async fn an_item_is_watched_until_it_is_not(fresh: &TestDatabase) {
    let database = fresh.connect().await;
    let (ada, item) = (account("ada@example.org"), ItemId::from_untyped_uuid(Uuid::new_v4()));
    database.create_account(&ada).await.unwrap();

    database.watch(ada.account_id, item, 1).await.unwrap();
    database.watch(ada.account_id, item, 2).await.unwrap();
    assert!(database.is_watching(ada.account_id, item).await.unwrap());

    database.unwatch(ada.account_id, item).await.unwrap();
    assert!(!database.is_watching(ada.account_id, item).await.unwrap());
}
