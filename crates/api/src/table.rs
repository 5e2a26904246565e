//! The one list of calls. Names, types, the TypeScript client and the dispatch all come from it.

/// Hands the list of calls to another macro: `name(parameters) -> answer`, each with its sentence.
macro_rules! rpc_table {
    ($consumer:ident) => {
        $consumer! {
            /// State of the home: empty, locked or running.
            home_state(account::Empty) -> account::Home;
            /// Opens a locked home and starts the node.
            home_unlock(account::Unlock) -> account::Home;
            /// Makes an account in an empty home and starts the node.
            account_create(account::Create) -> account::Created;
            /// Brings an account back from its recovery phrase, as a new machine.
            account_restore(account::Restore) -> account::Created;
            /// The own account.
            account_show(account::Empty) -> account::Account;
            /// A setting of the shells.
            setting_get(account::SettingKey) -> account::Setting;
            /// Changes a setting of the shells.
            setting_set(account::Setting) -> account::Setting;
            /// State of the node.
            status(account::Empty) -> network::Status;
            /// The path by which the last message reached each device.
            net_why(account::Empty) -> Vec<network::DevicePath>;
            /// Adds a relay to the account.
            relay_add(network::RelayRef) -> Vec<network::Relay>;
            /// Removes a relay from the account.
            relay_remove(network::RelayRef) -> Vec<network::Relay>;
            /// The relays of the account.
            relay_list(account::Empty) -> Vec<network::Relay>;
            /// Makes an invite link.
            invite_create(friends::CreateInvite) -> friends::CreatedInvite;
            /// The invites of this account.
            invite_list(account::Empty) -> Vec<friends::Invite>;
            /// Withdraws an invite.
            invite_revoke(friends::InviteId) -> friends::Invite;
            /// Looks at an invite link without accepting anything.
            invite_show(friends::Link) -> friends::InviteInfo;
            /// Asks the inviter of a link to become a friend.
            friend_add(friends::Add) -> friends::Added;
            /// Contact requests that wait for an answer.
            friend_requests(account::Empty) -> Vec<friends::Request>;
            /// Accepts a contact request.
            friend_accept(friends::RequestId) -> friends::Answered;
            /// Declines a contact request.
            friend_decline(friends::RequestId) -> friends::Answered;
            /// Ends a friendship on this side.
            friend_remove(friends::AccountRef) -> friends::Friend;
            /// The friend list.
            friend_list(account::Empty) -> Vec<friends::Friend>;
            /// Changes what is kept about a friend.
            friend_set(friends::Set) -> friends::Friend;
            /// Rooms, latest first.
            room_list(account::Empty) -> Vec<rooms::Room>;
            /// The 1:1 room with an account; the same one every time.
            room_direct(friends::AccountRef) -> rooms::RoomRef;
            /// What newcomers of a room see.
            room_history(rooms::RoomRef) -> rooms::History;
            /// The people in a room.
            room_members(rooms::RoomRef) -> Vec<rooms::Member>;
            /// Marks a room read up to a message.
            room_read(rooms::Read) -> rooms::RoomRef;
            /// Gaps of a room that are not filled yet.
            room_gaps(rooms::RoomRef) -> Vec<rooms::Gap>;
            /// Sends a text.
            message_send(messages::Send) -> messages::Sent;
            /// A page of a room's timeline, oldest first.
            message_list(messages::List) -> Vec<messages::Message>;
            /// Where a message is, device by device.
            message_why(messages::MessageRef) -> messages::Why;
            /// Finds messages, newest first.
            search(messages::Search) -> Vec<messages::Message>;
        }
    };
}
pub(crate) use rpc_table;
