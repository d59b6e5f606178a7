//! Amounts as people write them (`5.25`) and as contracts count them (base units).

use alloy::primitives::U256;

/// Base units of an amount as it is written.
///
/// # Errors
/// One sentence, if it is not a plain decimal number or has more digits than the token.
pub(crate) fn parse(text: &str, decimals: u8) -> Result<U256, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return Err(format!("`{text}` is not an amount; write it like 5 or 5.25"));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(decimals) {
        return Err(format!("`{text}` has more than the {decimals} decimal places of the token"));
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    U256::from_str_radix(&padded, 10).map_err(|_| format!("`{text}` is more than a contract can count"))
}

/// An amount as it is written, without trailing zeros.
pub(crate) fn format(amount: U256, decimals: u8) -> String {
    let digits = format!("{amount:0>width$}", amount = amount.to_string(), width = usize::from(decimals) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_amounts() {
        for (text, decimals, units, back) in [
            ("5", 6, 5_000_000u64, "5"),
            ("5.25", 6, 5_250_000, "5.25"),
            ("0.000001", 6, 1, "0.000001"),
            ("0", 18, 0, "0"),
            ("12.50", 2, 1250, "12.5"),
            ("7", 0, 7, "7"),
            ("1.0", 0, 1, "1"),
        ] {
            assert_eq!(parse(text, decimals), Ok(U256::from(units)), "{text}");
            assert_eq!(format(U256::from(units), decimals), back);
        }
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", "0x1", "1,5", " 1", "0.0000001", &"9".repeat(80)] {
            assert!(parse(text, 6).is_err(), "{text}");
        }
    }
}
