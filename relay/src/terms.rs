//! What the operator may change while the relay runs: limits, who may make boxes, and rates.
//!
//! Owns the value in force. It must not know what the options do. Invariant: a request sees one value, and one that
//! cannot be used leaves the value before in force.

use std::sync::{Arc, PoisonError, RwLock};

use crate::admission::Admission;
use crate::config::{Config, ConfigError, LimitsConfig, RatesConfig};
use crate::rates::Rates;

/// The terms of one configuration.
pub(crate) struct Terms {
    pub(crate) limits: LimitsConfig,
    pub(crate) admission: Admission,
    pub(crate) rates: Arc<Rates>,
    config: RatesConfig,
}

impl Terms {
    /// The terms of a configuration. What was counted so far goes on counting where the rates are `before`'s.
    ///
    /// # Errors
    /// When an option makes no sense.
    pub(crate) fn new(config: &Config, before: Option<&Self>) -> Result<Self, ConfigError> {
        let admission = Admission::new(&config.access).map_err(|text| ConfigError::Peer { text })?;
        let same = before.filter(|before| before.config == config.rates);
        let rates =
            same.map_or_else(|| Arc::new(Rates::new(&config.rates)), |before| Arc::clone(&before.rates));
        Ok(Self { limits: config.limits.clone(), admission, rates, config: config.rates.clone() })
    }
}

/// The terms in force.
pub(crate) struct InForce(RwLock<Arc<Terms>>);

impl InForce {
    pub(crate) fn new(terms: Terms) -> Self {
        Self(RwLock::new(Arc::new(terms)))
    }

    pub(crate) fn get(&self) -> Arc<Terms> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the terms of another configuration in force.
    ///
    /// # Errors
    /// When an option makes no sense; then nothing has changed.
    pub(crate) fn replace(&self, config: &Config) -> Result<(), ConfigError> {
        let terms = Terms::new(config, Some(&self.get()))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(terms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Network;

    #[test]
    fn counts_go_on_unless_the_rates_change() {
        let network = Network::V4([1; 4]);
        let mut config = Config::default();
        config.rates.ip_requests = 1;
        let terms = InForce::new(Terms::new(&config, None).unwrap());
        while terms.get().rates.request(network).is_ok() {}
        config.limits.inbox_items = 7;
        terms.replace(&config).unwrap();
        assert_eq!(terms.get().limits.inbox_items, 7);
        assert!(terms.get().rates.request(network).is_err());
        config.rates.ip_requests = 100;
        terms.replace(&config).unwrap();
        assert!(terms.get().rates.request(network).is_ok());
    }

    #[test]
    fn terms_that_make_no_sense_change_nothing() {
        let terms = InForce::new(Terms::new(&Config::default(), None).unwrap());
        let mut config = Config::default();
        config.limits.inbox_items = 7;
        config.access.allow_peers = vec!["nobody".into()];
        assert!(terms.replace(&config).unwrap_err().to_string().contains("nobody"));
        assert_eq!(terms.get().limits.inbox_items, LimitsConfig::default().inbox_items);
    }
}
