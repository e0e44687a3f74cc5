//! Currencies by their ISO 4217 code, and amounts as people write them: in major units, `12.50`.

use serde::{Deserialize, Serialize};

use crate::money::Minor;

macro_rules! currencies {
    ($($name:ident $code:literal $decimals:literal)*) => {
        /// A currency that items can be listed in. Serialised as its ISO 4217 code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Currency {
            $(#[doc = concat!("ISO 4217 ", $code, ", ", $decimals, " decimals.")] #[serde(rename = $code)] $name,)*
        }

        impl Currency {
            /// All of them, by code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The ISO 4217 code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// How many decimals an amount in major units has; a major unit is 10^decimals minor units.
            #[must_use]
            pub const fn decimals(self) -> u32 {
                match self { $(Self::$name => $decimals),* }
            }
        }

        impl std::str::FromStr for Currency {
            type Err = UnknownCurrency;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code { $($code => Ok(Self::$name),)* _ => Err(UnknownCurrency) }
            }
        }
    };
}

currencies! {
    Aed "AED" 2  Ars "ARS" 2  Aud "AUD" 2  Bgn "BGN" 2  Bhd "BHD" 3  Brl "BRL" 2  Cad "CAD" 2  Chf "CHF" 2
    Clp "CLP" 0  Cny "CNY" 2  Cop "COP" 2  Czk "CZK" 2  Dkk "DKK" 2  Egp "EGP" 2  Eur "EUR" 2  Gbp "GBP" 2
    Hkd "HKD" 2  Huf "HUF" 2  Idr "IDR" 2  Ils "ILS" 2  Inr "INR" 2  Isk "ISK" 0  Jod "JOD" 3  Jpy "JPY" 0
    Kes "KES" 2  Krw "KRW" 0  Kwd "KWD" 3  Mad "MAD" 2  Mxn "MXN" 2  Myr "MYR" 2  Ngn "NGN" 2  Nok "NOK" 2
    Nzd "NZD" 2  Omr "OMR" 3  Pen "PEN" 2  Php "PHP" 2  Pkr "PKR" 2  Pln "PLN" 2  Qar "QAR" 2  Ron "RON" 2
    Rsd "RSD" 2  Sar "SAR" 2  Sek "SEK" 2  Sgd "SGD" 2  Thb "THB" 2  Tnd "TND" 3  Try "TRY" 2  Twd "TWD" 2
    Uah "UAH" 2  Usd "USD" 2  Uyu "UYU" 2  Vnd "VND" 0  Zar "ZAR" 2
}

/// No currency that items can be listed in has that code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency; use an ISO 4217 code such as USD")]
pub struct UnknownCurrency;

/// Why a text is no amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing was written.
    #[error("enter an amount")]
    Empty,
    /// Not digits with at most one point; separators and signs are not taken, for they mean different things in
    /// different places.
    #[error("write the amount in digits with a point, such as 1250.00 or 1250")]
    Malformed,
    /// More decimals than the currency has.
    #[error("{} has {} decimals at most", .0.code(), .0.decimals())]
    TooManyDecimals(Currency),
    /// More than [`Minor::MAX`].
    #[error("that amount is too large")]
    TooLarge,
}

impl Currency {
    /// Reads an amount that a person wrote in major units: `12.50`, `12.5`, `12`, `.50`.
    ///
    /// # Errors
    /// [`AmountError`], worded for that person.
    pub fn parse_amount(self, text: &str) -> Result<Minor, AmountError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AmountError::Empty);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::Malformed);
        }
        let decimals = self.decimals() as usize;
        if fraction.len() > decimals {
            return Err(AmountError::TooManyDecimals(self));
        }
        let padding = std::iter::repeat_n(b'0', decimals - fraction.len());
        let minor = digits()
            .chain(padding)
            .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
            .ok_or(AmountError::TooLarge)?;
        Minor::new(minor).map_err(|_| AmountError::TooLarge)
    }

    /// Writes an amount in major units with all decimals: `12.50`. [`Currency::parse_amount`] reads it back.
    #[must_use]
    pub fn format_amount(self, amount: Minor) -> String {
        let decimals = self.decimals();
        if decimals == 0 {
            return amount.get().to_string();
        }
        let major = 10_i64.pow(decimals);
        format!("{}.{:0width$}", amount.get() / major, amount.get() % major, width = decimals as usize)
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minor(amount: i64) -> Minor {
        Minor::new(amount).unwrap()
    }

    #[test]
    fn people_write_major_units() {
        for (currency, text, expected) in [
            (Currency::Usd, "12.50", 1250),
            (Currency::Usd, " 12.5 ", 1250),
            (Currency::Usd, "12", 1200),
            (Currency::Usd, "12.", 1200),
            (Currency::Usd, ".05", 5),
            (Currency::Usd, "0", 0),
            (Currency::Usd, "90071992547409.91", Minor::MAX.get()),
            (Currency::Jpy, "1250", 1250),
            (Currency::Kwd, "1.250", 1250),
            (Currency::Kwd, "1.25", 1250),
        ] {
            assert_eq!(currency.parse_amount(text), Ok(minor(expected)), "{text} {currency}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_why() {
        for (currency, text, expected) in [
            (Currency::Usd, "", AmountError::Empty),
            (Currency::Usd, "  ", AmountError::Empty),
            (Currency::Usd, ".", AmountError::Malformed),
            (Currency::Usd, "-1", AmountError::Malformed),
            (Currency::Usd, "1,250.00", AmountError::Malformed),
            (Currency::Usd, "1.2.3", AmountError::Malformed),
            (Currency::Usd, "1e3", AmountError::Malformed),
            (Currency::Usd, "$5", AmountError::Malformed),
            (Currency::Usd, "١", AmountError::Malformed),
            (Currency::Usd, "1.234", AmountError::TooManyDecimals(Currency::Usd)),
            (Currency::Jpy, "1.0", AmountError::TooManyDecimals(Currency::Jpy)),
            (Currency::Usd, "90071992547409.92", AmountError::TooLarge),
            (Currency::Usd, "99999999999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(currency.parse_amount(text), Err(expected), "{text} {currency}");
        }
    }

    #[test]
    fn amounts_print_with_all_decimals() {
        assert_eq!(Currency::Usd.format_amount(minor(5)), "0.05");
        assert_eq!(Currency::Usd.format_amount(minor(125_000)), "1250.00");
        assert_eq!(Currency::Jpy.format_amount(minor(1250)), "1250");
        assert_eq!(Currency::Kwd.format_amount(minor(1250)), "1.250");
    }

    #[test]
    fn a_code_names_its_currency() {
        for &currency in Currency::ALL {
            assert_eq!(currency.code().parse(), Ok(currency));
        }
        assert_eq!("usd".parse::<Currency>(), Err(UnknownCurrency));
        assert_eq!("XXX".parse::<Currency>(), Err(UnknownCurrency));
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(
            currency in proptest::sample::select(Currency::ALL),
            amount in 0..=Minor::MAX.get(),
        ) {
            let amount = minor(amount);
            prop_assert_eq!(currency.parse_amount(&currency.format_amount(amount)), Ok(amount));
        }
    }
}
