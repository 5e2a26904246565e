//! Reconciliation: finding and filling what one side lacks (protocol section 9.2).

use madang_crypto::VerifiedOp;
use madang_p2p::PeerId;
use madang_store::{RoomRow, ops::Origin};
use madang_wire::StreamBody;

use crate::{core::Core, error::Error, ingest::Source, turn::Turn};

/// State of reconciliation with connected peers.
#[derive(Debug, Default)]
pub(crate) struct Repair {}

impl Repair {
    pub(crate) fn forget_peer(&mut self, _peer: &PeerId) {}
}

impl Core {
    pub(crate) fn repair_frame(
        &mut self,
        _t: &mut Turn<'_>,
        _peer: PeerId,
        _body: StreamBody,
    ) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn reconcile(
        &mut self,
        _t: &mut Turn<'_>,
        _peer: PeerId,
        _room: RoomRow,
    ) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn registers_opened(&mut self, _t: &mut Turn<'_>, _peer: PeerId, _room: RoomRow) {}

    pub(crate) fn origin_of(&self, source: &Source, _room: RoomRow, _op: &VerifiedOp) -> Origin {
        source.origin()
    }
}
