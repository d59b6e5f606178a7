//! What a publisher sells of an asset: computation, the data themselves, or both, each for a price of its own.

use alloy::primitives::{U256, aliases::U96};
use atoll_protocol::{
    contracts::{IAssetRegistry, ServiceTerms},
    document::{MAX_VALID_FOR, MIN_VALID_FOR, Provider, ServiceOffer},
};
use clap::Args;

use crate::{
    chain::{Chain, Token},
    error::CliError,
    money,
};

/// What is sold.
#[derive(Args, Debug)]
pub(crate) struct Services {
    /// Price of one job, in the payment token's own unit, like 5 or 0.25
    #[arg(long, required_unless_present = "download")]
    price: Option<String>,
    /// Price of the data themselves: whoever pays it can decrypt them. Without --price nothing else is sold
    #[arg(long, value_name = "PRICE")]
    download: Option<String>,
    /// How long the buyer of a download can fetch it: 30m, 2h, 7d, or seconds
    #[arg(long, value_name = "DURATION", default_value = "7d", requires = "download", value_parser = valid_for)]
    download_valid_for: u32,
}

/// A service that is to be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// What it is, under which number.
    pub(crate) offer: ServiceOffer,
    /// Price of one order, in base units.
    pub(crate) price: U256,
}

impl Services {
    /// True if jobs can be ordered.
    pub(crate) fn computes(&self) -> bool {
        self.price.is_some()
    }

    /// The services in the order of their numbers, at least one.
    pub(crate) fn planned(&self, token: &Token) -> Result<Vec<Planned>, CliError> {
        let price = |text: &str| money::parse(text, token.decimals).map_err(CliError::Input);
        let mut planned = Vec::new();
        if let Some(text) = &self.price {
            planned.push(Planned { offer: ServiceOffer::Compute { service_index: 0 }, price: price(text)? });
        }
        if let Some(text) = &self.download {
            let offer = ServiceOffer::Download {
                service_index: planned.len() as u32,
                valid_for_seconds: self.download_valid_for,
            };
            planned.push(Planned { offer, price: price(text)? });
        }
        Ok(planned)
    }
}

/// What the document says of the services: nothing where all of them compute.
pub(crate) fn declared(offers: &[ServiceOffer]) -> Vec<ServiceOffer> {
    let computes = |offer: &ServiceOffer| matches!(offer, ServiceOffer::Compute { .. });
    if offers.iter().all(computes) { Vec::new() } else { offers.to_vec() }
}

/// What is offered by the services that are planned.
pub(crate) fn offers(planned: &[Planned]) -> Vec<ServiceOffer> {
    planned.iter().map(|service| service.offer).collect()
}

/// The terms of a service, as the contracts take them.
pub(crate) fn terms(planned: &Planned, provider: &Provider, token: &Token) -> Result<ServiceTerms, CliError> {
    Ok(ServiceTerms { provider: provider.wallet, paymentToken: token.address, price: price(planned.price)? })
}

/// Adds the services that the asset does not have yet, and none twice.
pub(crate) async fn add_missing(
    chain: &Chain,
    asset: U256,
    planned: &[Planned],
    provider: &Provider,
    token: &Token,
) -> Result<(), CliError> {
    let registry = chain.contracts.asset_registry;
    let there = chain.read(registry, IAssetRegistry::servicesOfCall { assetId: asset }).await?;
    for service in planned.iter().filter(|service| service.offer.service_index() >= there) {
        let terms = terms(service, provider, token)?;
        let index = service.offer.service_index();
        let call = IAssetRegistry::addServiceCall { assetId: asset, serviceIndex: index, terms };
        chain.send(registry, call, U256::ZERO).await?;
    }
    Ok(())
}

/// A price as the contracts take it: below 2^88.
pub(crate) fn price(price: U256) -> Result<U96, CliError> {
    if price.bit_len() > 88 {
        return Err(CliError::Input("the price is more than the market can count; lower it".into()));
    }
    Ok(U96::from(price.to::<u128>()))
}

fn valid_for(text: &str) -> Result<u32, String> {
    let seconds = crate::purchase::seconds(text).and_then(|seconds| u32::try_from(seconds).ok());
    seconds
        .filter(|seconds| (MIN_VALID_FOR..=MAX_VALID_FOR).contains(seconds))
        .ok_or_else(|| "write it like 30m, 2h or 7d; the shortest is a minute and the longest 366 days".to_owned())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    #[test]
    fn prices_beyond_88_bits_are_refused() {
        let most = (1u128 << 88) - 1;
        assert_eq!(price(U256::from(most)).unwrap(), U96::from(most));
        assert!(price(U256::from(most + 1)).is_err());
        assert!(price(U256::MAX).is_err());
    }

    #[test]
    fn a_download_is_sold_beside_or_instead_of_computation() {
        let token = Token { address: Address::ZERO, decimals: 2, symbol: "t".into() };
        let services = |price: Option<&str>, download: Option<&str>| Services {
            price: price.map(Into::into),
            download: download.map(Into::into),
            download_valid_for: 60,
        };
        let download = |service_index| ServiceOffer::Download { service_index, valid_for_seconds: 60 };
        let both = services(Some("1"), Some("2")).planned(&token).unwrap();
        assert_eq!(declared(&offers(&both)), [ServiceOffer::Compute { service_index: 0 }, download(1)]);
        assert_eq!(both.iter().map(|one| one.price).collect::<Vec<_>>(), [U256::from(100), U256::from(200)]);
        assert_eq!(declared(&offers(&services(None, Some("2")).planned(&token).unwrap())), [download(0)]);
        assert_eq!(declared(&offers(&services(Some("1"), None).planned(&token).unwrap())), []);
        for bad in ["59", "367d", "x", "5000000000"] {
            assert!(valid_for(bad).is_err(), "{bad}");
        }
        assert_eq!(valid_for("366d"), Ok(MAX_VALID_FOR));
    }
}
