//! The home's own calls: its state, unlocking, making and restoring an account.

use madang_node::{
    Clock as _, SystemClock,
    home::{self, NewAccount},
};
use zeroize::Zeroizing;

use super::{Session, Stage, blocking, events};
use crate::{
    Code, Error,
    account::{Create, Created, Empty, Home, HomeState, Restore, Unlock},
};

impl Session {
    #[allow(clippy::unused_async, reason = "every call of the table is asynchronous")]
    pub(super) async fn home_state(&self, _: Empty) -> Result<Home, Error> {
        Ok(Home { state: self.state(), version: env!("CARGO_PKG_VERSION").to_owned() })
    }

    pub(super) async fn home_unlock(&self, unlock: Unlock) -> Result<Home, Error> {
        let _changing = self.changing.lock().await;
        if self.state() == HomeState::Locked {
            self.unlock(Some(Zeroizing::new(unlock.passphrase))).await?;
        }
        // An open home stays open; in an empty one there is nothing to unlock.
        self.node()?;
        self.home_state(Empty {}).await
    }

    pub(super) async fn account_create(&self, create: Create) -> Result<Created, Error> {
        let _changing = self.changing.lock().await;
        if self.state() != HomeState::Empty {
            return Err(Error::new(Code::Exists, "This home has an account already"));
        }
        let held = self.held()?;
        let passphrase = create.passphrase.map(Zeroizing::new).filter(|passphrase| !passphrase.is_empty());
        let given = passphrase.clone();
        let created = blocking(move || {
            let new = NewAccount {
                name: &create.name,
                machine: &home::machine_name(),
                passphrase: given.as_ref().map(|passphrase| passphrase.as_str()),
                now_ms: SystemClock::default().wall_ms(),
            };
            home::create(&held, new, |_| Ok(()))
        })
        .await??;
        self.unlock(passphrase).await?;
        Ok(Created {
            account: created.account.to_string(),
            device: created.device.to_string(),
            name: created.name,
            phrase: created.phrase.words().map(str::to_owned).collect(),
            warning: created.key_in_file.then(|| "key_file".to_owned()),
        })
    }

    pub(super) async fn account_restore(&self, restore: Restore) -> Result<Created, Error> {
        let _changing = self.changing.lock().await;
        let held = self.held()?;
        let phrase = Zeroizing::new(restore.phrase);
        let restored = blocking(move || {
            home::restore(held.paths().dir(), &phrase, &restore.name, restore.relay.as_deref())
        });
        match restored.await?? {}
    }

    /// Opens the home and starts its node.
    pub(super) async fn unlock(&self, passphrase: Option<Zeroizing<String>>) -> Result<(), Error> {
        let held = self.held()?;
        let opened =
            blocking(move || home::open(&held, passphrase.as_ref().map(|passphrase| passphrase.as_str())))
                .await??;
        let node = Box::pin(madang_node::start(opened, self.config.clone())).await?;
        let pump = tokio::spawn(events::pump(node.subscribe(), self.events.clone()));
        *self.stage.lock() = Stage::Running { node, pump };
        Ok(())
    }
}
