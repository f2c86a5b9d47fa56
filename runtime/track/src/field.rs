//! The fields that every profile may have, by their User Track names.

macro_rules! fields {
    ($($variant:ident $name:literal,)*) => {
        /// A standard profile field. One byte in a profile; order is that of [`Field::ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field { $($variant,)* }

        impl Field {
            pub const ALL: &[Field] = &[$(Field::$variant,)*];

            /// The name in a User Track object: lower case, case-sensitive.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            pub fn named(name: &str) -> Option<Field> {
                Some(match name { $($name => Field::$variant,)* _ => return None })
            }
        }
    };
}

fields! {
    FirstName "first_name",
    LastName "last_name",
    Email "email",
    Phone "phone",
    Country "country",
    HomeCity "home_city",
    Language "language",
    Gender "gender",
    Dob "dob",
    TimeZone "time_zone",
    CurrentLocation "current_location",
    DateOfFirstSession "date_of_first_session",
    DateOfLastSession "date_of_last_session",
    MarkedEmailAsSpamAt "marked_email_as_spam_at",
    EmailSubscribe "email_subscribe",
    PushSubscribe "push_subscribe",
    EmailOpenTrackingDisabled "email_open_tracking_disabled",
    EmailClickTrackingDisabled "email_click_tracking_disabled",
    SubscriptionGroups "subscription_groups",
    ImageUrl "image_url",
    Facebook "facebook",
    Twitter "twitter",
    PushTokens "push_tokens",
}
