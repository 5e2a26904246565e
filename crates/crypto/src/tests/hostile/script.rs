//! Account logs that are written by bytes: whatever the bytes are, they say which ops there are, who signs them, what
//! they name and in which order they come.
//!
//! Invariant: every op is signed by the author it names, as somebody hostile can do with keys of his own.

use super::madang_crypto::{NewOp, SignKey, cosign, genesis, os_rng, sign_op};
use madang_wire::{AccountGenesis, AddDevice, Message as _, OpHeader, RemoveDevice, RotateRoot, SignedOp};

/// Ops that a script writes at most.
const OPS: usize = 16;

/// Alice's account, with two machines, and the keys of everybody.
pub(super) struct Cast {
    pub(super) root: SignKey,
    pub(super) laptop: SignKey,
    pub(super) phone: SignKey,
    pub(super) mallory: SignKey,
    pub(super) rook: SignKey,
    pub(super) account: [u8; 32],
    pub(super) log: Vec<SignedOp>,
}

impl Cast {
    pub(super) fn new() -> Self {
        let [root, laptop, phone, mallory, rook] =
            [1, 2, 3, 4, 5].map(|seed| SignKey::from_seed(&[seed; 32]));
        let first = genesis(&root, &laptop.public(), "laptop", 1 << 16, &mut os_rng()).unwrap();
        let body = AddDevice { device: phone.public().to_vec(), label: "phone".to_owned() };
        let header = OpHeader {
            v: 1,
            conv: first.id.to_vec(),
            seq: 1,
            deps: vec![first.id.to_vec()],
            hlc: 2 << 16,
            kind: 97,
            ..OpHeader::default()
        };
        let second = signed(header, &body.encode_to_vec(), &laptop).unwrap();
        let (account, log) = (first.id, vec![first.op, second.op]);
        Self { root, laptop, phone, mallory, rook, account, log }
    }

    fn keys(&self) -> [&SignKey; 5] {
        [&self.mallory, &self.rook, &self.laptop, &self.phone, &self.root]
    }
}

/// Scripts to begin with: of different lengths, by everybody and by strangers alone.
pub(super) fn samples() -> Vec<Vec<u8>> {
    let counted = |step: u8| (0..200_u8).map(|byte| byte.wrapping_mul(step)).collect();
    let mut samples: Vec<Vec<u8>> = [1, 3, 7, 11, 59, 101].map(counted).into();
    samples.extend([vec![0; 300], vec![255; 300], vec![1, 4, 1, 1, 0, 2, 2, 1, 0, 1, 0, 2]]);
    samples
}

/// Bytes that are read as choices; behind the end everything is 0.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl Script<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    /// Ops by strangers alone, or by everybody, who may all be hostile.
    pub(super) fn ops(&mut self, cast: &Cast, strangers: bool) -> Vec<SignedOp> {
        let keys = cast.keys();
        let signers = if strangers { 2 } else { keys.len() };
        let mut ids: Vec<[u8; 32]> = cast.log.iter().map(|op| madang_id(&op.header)).collect();
        let mut ops = Vec::new();
        for _ in 0..self.below(OPS + 1) {
            let author = keys[self.below(signers)];
            let header = self.header(cast, &ids);
            let content = self.content(&header, &keys, signers, author);
            if let Some(op) = signed(header, &content, author) {
                ids.push(op.id);
                ops.push(op.op);
            }
        }
        ops
    }

    fn header(&mut self, cast: &Cast, ids: &[[u8; 32]]) -> OpHeader {
        let one = |script: &mut Self| ids[script.below(ids.len())].to_vec();
        let conv = if self.below(8) == 7 { vec![0; 32] } else { cast.account.to_vec() };
        let seq = 1 + u64::try_from(self.below(4)).unwrap();
        let prev = if seq == 1 { Vec::new() } else { one(self) };
        let deps = (0..self.below(4)).map(|_| one(self)).collect();
        let hlc = u64::from(self.byte()) << 15;
        let kind = 96 + u32::try_from(self.below(5)).unwrap();
        OpHeader { v: 1, conv, seq, prev, deps, hlc, kind, ..OpHeader::default() }
    }

    fn content(&mut self, header: &OpHeader, keys: &[&SignKey], signers: usize, author: &SignKey) -> Vec<u8> {
        let key = |script: &mut Self| keys[script.below(keys.len())].public().to_vec();
        match (self.below(8), header.kind) {
            (7, _) => self.0[..self.0.len().min(64)].to_vec(),
            (_, 96) => AccountGenesis {
                v: 1,
                root_pub: author.public().to_vec(),
                salt: vec![0; 16],
                first_device: key(self),
                label: String::new(),
            }
            .encode_to_vec(),
            (_, 97) => AddDevice { device: key(self), label: "rook".to_owned() }.encode_to_vec(),
            (_, 98) => self.removal(header, keys, signers).encode_to_vec(),
            _ => {
                let root_pub = key(self);
                let remove = (0..self.below(3)).map(|_| self.removal(header, keys, signers)).collect();
                RotateRoot { root_pub, remove }.encode_to_vec()
            }
        }
    }

    fn removal(&mut self, header: &OpHeader, keys: &[&SignKey], signers: usize) -> RemoveDevice {
        let device = keys[self.below(keys.len())].public().to_vec();
        let mut removal = RemoveDevice { device, cut: self.byte().into(), cosig: Vec::new() };
        for _ in 0..self.below(4) {
            let cosig = cosign(&header.deps, &removal, keys[self.below(signers)]);
            removal.cosig.push(cosig);
        }
        removal
    }
}

fn madang_id(header: &[u8]) -> [u8; 32] {
    super::madang_crypto::op_id(header)
}

/// Signs an op; none for one that nobody would accept.
fn signed(header: OpHeader, content: &[u8], key: &SignKey) -> Option<NewOp> {
    sign_op(header, [&[0; 16], content].concat(), key).ok()
}
