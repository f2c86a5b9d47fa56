//! Currencies by ISO 4217.

/// The three-letter code in upper case, when it is a currency in use.
pub(crate) fn code(text: &str) -> Option<[u8; 3]> {
    let mut code: [u8; 3] = text.as_bytes().try_into().ok()?;
    code.make_ascii_uppercase();
    CODES.as_bytes().chunks(4).any(|known| known[..3] == code).then_some(code)
}

const CODES: &str = "USD EUR GBP JPY CAD AUD CHF CNY SEK NOK DKK INR BRL MXN KRW SGD HKD NZD ZAR PLN CZK HUF ILS TRY \
AED AFN ALL AMD ANG AOA ARS AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BSD BTC BTN BWP BYN BZD CDF CHE CHW CLF \
CLP COP COU CRC CUC CUP CVE DJF DOP DZD EGP ERN ETB FJD FKP GEL GGP GHS GIP GMD GNF GTQ GYD HNL HRK HTG IDR IMP IQD \
IRR ISK JEP JMD JOD KES KGS KHR KMF KPW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
MWK MXV MYR MZN NAD NGN NIO NPR OMR PAB PEN PGK PHP PKR PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SHP SLE SLL SOS SRD \
SSP STN SVC SYP SZL THB TJS TMT TND TOP TTD TWD TZS UAH UGX USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XCD \
XDR XOF XPD XPF XPT XSU XUA YER ZMW ZWG ZWL ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_use() {
        assert_eq!(code("usd"), Some(*b"USD"));
        assert_eq!(code("ZWL"), Some(*b"ZWL"));
        for bad in ["", "US", "USDD", "QQQ", "D E", "€"] {
            assert_eq!(code(bad), None, "{bad}");
        }
        assert!(CODES.as_bytes().chunks(4).all(|c| c.len() == 4 && c[3] == b' '));
    }
}
