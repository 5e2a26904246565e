//! Kinds of op (numbers of protocol sections 1.2, 5.1 and 6.1).
//!
//! Owns the closed list of kinds. Invariant: an unknown kind keeps its number, so that it can be stored and
//! forwarded unchanged.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What an op does. Control ops are 1-14, content 32-38, self 64-68, account log 96-99.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
            /// A number this version does not know: kept, forwarded, without effect.
            Unknown(u32),
        }

        impl Kind {
            /// Every kind this version knows, in the order of the numbers.
            pub const KNOWN: &[Kind] = &[$(Kind::$name,)*];

            /// The number in the header.
            pub const fn number(self) -> u32 {
                match self {
                    $(Kind::$name => $number,)*
                    Kind::Unknown(number) => number,
                }
            }
        }

        impl From<u32> for Kind {
            fn from(number: u32) -> Self {
                match number {
                    $($number => Kind::$name,)*
                    other => Kind::Unknown(other),
                }
            }
        }
    };
}

kinds! {
    /// First op of a group or open room.
    Genesis = 1,
    /// Adds members.
    AddMany = 2,
    /// Removes a member.
    Remove = 3,
    /// Mirror of an added device.
    DeviceAdded = 4,
    /// Mirror of a removed device.
    DeviceRemoved = 5,
    /// Changes the role of a member.
    Role = 6,
    /// Hands over the ownership.
    Transfer = 7,
    /// The author leaves.
    Leave = 8,
    /// Title and picture of the room.
    Title = 9,
    /// Relays of the room.
    Relays = 10,
    /// The author joins an open room.
    Join = 11,
    /// Rules for joining and writing.
    Policy = 12,
    /// A new link generation of an open room.
    Greet = 13,
    /// Lifetime of new messages.
    Timer = 14,
    /// A message.
    Text = 32,
    /// Replaces the text of a message.
    Edit = 33,
    /// Deletes a message for everyone.
    Delete = 34,
    /// A reaction.
    React = 35,
    /// A moderator's deletion.
    Purge = 36,
    /// Pins or unpins a message.
    Pin = 37,
    /// The contact card of a friend.
    Introduce = 38,
    /// State of a friend, in self.
    FriendSet = 64,
    /// State of a room, in self.
    RoomSet = 65,
    /// A persona, in self.
    PersonaSet = 66,
    /// A profile, in self.
    ProfileSet = 67,
    /// A message deleted for oneself, in self.
    Hide = 68,
    /// First op of an account log.
    AccountGenesis = 96,
    /// Admits a device.
    AddDevice = 97,
    /// Removes a device.
    RemoveDevice = 98,
    /// A new recovery phrase.
    RotateRoot = 99,
}

impl Kind {
    /// A change of membership or settings (1-31, unknown ones included): its payload is never purged.
    pub const fn is_control(self) -> bool {
        matches!(self.number(), 1..=31)
    }

    /// Something people say in a conversation (32-63).
    pub const fn is_content(self) -> bool {
        matches!(self.number(), 32..=63)
    }

    /// State shared among one's own machines (64-95).
    pub const fn is_self(self) -> bool {
        matches!(self.number(), 64..=95)
    }

    /// An op of an account log (96-127): its payload is never purged.
    pub const fn is_account(self) -> bool {
        matches!(self.number(), 96..=127)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_back_and_unknown_ones_are_kept() {
        for kind in Kind::KNOWN {
            assert_eq!(Kind::from(kind.number()), *kind);
            let families = [kind.is_control(), kind.is_content(), kind.is_self(), kind.is_account()];
            assert_eq!(families.iter().filter(|yes| **yes).count(), 1, "{kind:?}");
        }
        assert_eq!(Kind::from(39), Kind::Unknown(39));
        assert_eq!(Kind::from(39).number(), 39);
    }
}
