//! Whole numbers of 256 bits in requests and answers: decimal strings, because JSON's own numbers lose digits.

use std::{fmt, str::FromStr};

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// A whole number of 256 bits, in JSON a decimal string without sign or leading zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(pub U256);

/// The text is not such a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a whole number of 256 bits; write it as a decimal string without sign or leading zeros, like \"25\""
)]
pub struct NotDecimal(pub String);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let refused = || NotDecimal(text.chars().take(100).collect());
        let number = U256::from_str_radix(text, 10).map_err(|_| refused())?;
        if number.to_string() == text { Ok(Self(number)) } else { Err(refused()) }
    }
}

impl TryFrom<String> for Decimal {
    type Error = NotDecimal;

    fn try_from(text: String) -> Result<Self, NotDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(number: Decimal) -> Self {
        number.to_string()
    }
}

impl From<U256> for Decimal {
    fn from(number: U256) -> Self {
        Self(number)
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self(U256::from(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_a_number() {
        for text in ["0", "7", "115792089237316195423570985008687907853269984665640564039457584007913129639935"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for bad in ["", "00", "07", "+7", "-7", " 7", "7 ", "0x7", "7.0", "1e3", "1_000", above] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Decimal>("7").is_err());
    }
}
