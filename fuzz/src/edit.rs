//! Edits of messages: what somebody does to a proof who knows how it is built.
//!
//! Encodings end with what is hashed into a transcript, 32 bytes each: points and scalars. Groups are therefore counted from the
//! end, where they lie the same in every kind of message.

use crate::fixture::{Fixture, Shown};
use arbitrary::Arbitrary;
use zkdl::data_proof::DataProof;
use zkdl::model::WeightsProof;
use zkdl::proof::Proof;
use zkdl::{
    AbsentAnswer, MemberAnswer, Origin, PointCommitments, Query, Question, Start, Statement, data_set, tensors,
};
use zkdl_dataset::Descriptor;
use zkdl_field::{Field, Scalar, scalar};

/// Bytes of a point or a scalar.
const GROUP: usize = 32;
/// The modulus of the coordinates, little endian: a coordinate plus this is the same coordinate, not canonical.
const MODULUS: [u8; GROUP] = [
    1, 0, 0, 0, 0xed, 0x30, 0x2d, 0x99, 0x1b, 0xf9, 0x4c, 0x09, 0xfc, 0x98, 0x46, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0x40,
];

/// An edit of one of several messages.
#[derive(Debug, Clone, Arbitrary)]
pub struct Edit {
    /// Which, counted around.
    pub part: u8,
    /// What is done to it.
    pub change: Change,
}

/// What is done to the bytes of a message.
#[derive(Debug, Clone, Arbitrary)]
pub enum Change {
    /// A bit is turned.
    Flip { at: u16, bit: u8 },
    /// A number is written, four or eight bytes wide.
    Number { at: u16, value: Number, wide: bool },
    /// A number that the message holds is another: all of it but that can still be read.
    Field { which: u8, value: Number },
    /// A group becomes another.
    Group { at: u16, with: Group },
    /// Two groups change places.
    Swap { a: u16, b: u16 },
    /// Groups of other proofs take the place of as many.
    Splice { at: u16, from: u16, groups: u8 },
    /// A group is taken out.
    Remove { at: u16 },
    /// A group is put in.
    Insert { at: u16, with: Group },
    /// Bytes are taken off the end.
    Cut { bytes: u16 },
    /// Bytes are put behind the end.
    Append { byte: u8, times: u8 },
}

/// A number as hostile files have it.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Number {
    /// Zero or a little more.
    Small(u8),
    /// A power of two.
    Power(u8),
    /// A power of two, less one.
    Mask(u8),
    /// Any.
    Any(u64),
    /// The one that is there, and a little more or less.
    Beside(i8),
}

/// What takes the place of a group.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Group {
    /// The identity, or the scalar 0.
    Zero,
    /// No canonical encoding of anything.
    Ones,
    /// A group of an honest proof.
    Honest(u16),
    /// The opposite point.
    Opposite,
    /// The scalar that is there plus another.
    Plus(u8),
    /// The opposite scalar.
    Minus,
    /// The same scalar, not reduced.
    UnreducedScalar,
    /// The same coordinate, not reduced.
    UnreducedPoint,
    /// A small x-coordinate or scalar.
    Small(u16),
}

impl Number {
    fn value(self, there: u64) -> u64 {
        match self {
            Self::Small(n) => n.into(),
            Self::Power(n) => 1 << (n % 64),
            Self::Mask(n) => (1 << (n % 64)) - 1,
            Self::Any(n) => n,
            Self::Beside(n) => there.wrapping_add_signed(n.into()),
        }
    }
}

impl Group {
    fn bytes(self, there: [u8; GROUP], honest: &[[u8; GROUP]]) -> [u8; GROUP] {
        let calculated = |f: &dyn Fn(Scalar) -> Scalar| scalar::decode(&there).map_or(there, |x| scalar::encode(&f(x)));
        match self {
            Self::Zero => [0; GROUP],
            Self::Ones => [u8::MAX; GROUP],
            Self::Honest(at) => honest[usize::from(at) % honest.len()],
            Self::Opposite => {
                let mut bytes = there;
                bytes[GROUP - 1] ^= 0x80;
                bytes
            }
            Self::Plus(n) => calculated(&|x| x + Scalar::from(u64::from(n))),
            Self::Minus => calculated(&|x| -x),
            Self::UnreducedScalar => sum(sum(there, scalar::encode(&-Scalar::ONE)), scalar::encode(&Scalar::ONE)),
            Self::UnreducedPoint => sum(there, MODULUS),
            Self::Small(n) => scalar::encode(&Scalar::from(u64::from(n))),
        }
    }
}

/// The sum of two numbers of 256 bits.
fn sum(a: [u8; GROUP], b: [u8; GROUP]) -> [u8; GROUP] {
    let mut carry = 0;
    std::array::from_fn(|i| {
        let digit = u16::from(a[i]) + u16::from(b[i]) + carry;
        carry = digit >> 8;
        digit as u8
    })
}

/// Where a group lies that is counted from the end, if there is one. Half of all are among the last: no challenge follows
/// them, so that they are what a prover can still choose.
fn place(length: usize, at: u16) -> Option<usize> {
    let groups = length / GROUP;
    let at = usize::from(at / 2) % if at.is_multiple_of(2) { groups.max(1) } else { groups.clamp(1, 4) };
    (groups > 0).then(|| length - GROUP * (at + 1))
}

impl Change {
    /// Whether the length changes, and with it a number that a decoder reads before.
    fn resizes(&self) -> bool {
        matches!(self, Self::Remove { .. } | Self::Insert { .. } | Self::Cut { .. } | Self::Append { .. })
    }

    /// Changes bytes; nothing where there is no such place.
    pub fn apply(&self, bytes: &mut Vec<u8>, honest: &[[u8; GROUP]]) {
        match self {
            Self::Flip { at, bit } => flip(bytes, *at, *bit),
            Self::Field { which, value } => write(bytes, u16::from(*which), *value, 4),
            Self::Number { at, value, wide } => write(bytes, *at, *value, if *wide { 8 } else { 4 }),
            Self::Group { at, with } => {
                if let Some(place) = place(bytes.len(), *at) {
                    replace(bytes, place, |there| with.bytes(there, honest));
                }
            }
            Self::Swap { a, b } => {
                if let Some((a, b)) = place(bytes.len(), *a).zip(place(bytes.len(), *b)) {
                    (0..GROUP).for_each(|i| bytes.swap(a + i, b + i));
                }
            }
            Self::Splice { at, from, groups } => {
                for i in 0..u16::from(*groups) {
                    let other = honest[usize::from(from.wrapping_add(i)) % honest.len()];
                    if let Some(place) = place(bytes.len(), at.wrapping_sub(i)) {
                        replace(bytes, place, |_| other);
                    }
                }
            }
            Self::Remove { at } => {
                if let Some(place) = place(bytes.len(), *at) {
                    bytes.drain(place..place + GROUP);
                }
            }
            Self::Insert { at, with } => {
                let place = place(bytes.len(), *at).unwrap_or(bytes.len());
                bytes.splice(place..place, with.bytes([0; GROUP], honest));
            }
            Self::Cut { bytes: n } => bytes.truncate(bytes.len().saturating_sub(usize::from(*n))),
            Self::Append { byte, times } => bytes.extend(std::iter::repeat_n(*byte, usize::from(*times))),
        }
    }
}

fn flip(bytes: &mut [u8], at: u16, bit: u8) {
    let length = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(usize::from(at) % length) {
        *byte ^= 1 << (bit % 8);
    }
}

fn write(bytes: &mut [u8], at: u16, value: Number, width: usize) {
    if bytes.len() < width {
        return;
    }
    let at = usize::from(at) % (bytes.len() - width + 1);
    let mut word = [0; 8];
    word[..width].copy_from_slice(&bytes[at..at + width]);
    let value = value.value(u64::from_le_bytes(word)).to_le_bytes();
    bytes[at..at + width].copy_from_slice(&value[..width]);
}

fn replace(bytes: &mut [u8], place: usize, new: impl FnOnce([u8; GROUP]) -> [u8; GROUP]) {
    if let Some(group) = bytes[place..].first_chunk_mut() {
        *group = new(*group);
    }
}

/// A message that is stored, and ends with groups.
pub trait Message: Clone + PartialEq {
    /// Its bytes.
    fn encode(&self) -> Vec<u8>;
    /// Reads them.
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// The groups.
    fn groups(&mut self) -> Vec<u8>;
    /// Others in their place, of any number.
    fn set_groups(&mut self, groups: Vec<u8>);
    /// The numbers, wherever they are stored.
    fn fields(&mut self) -> Vec<Place<'_>>;
}

/// A number of a message.
pub enum Place<'a> {
    /// Four bytes.
    Word(&'a mut u32),
    /// Eight bytes.
    Long(&'a mut u64),
    /// With a sign.
    Signed(&'a mut i32),
    /// A weight.
    Integer(&'a mut i64),
    /// A digest or a nonce.
    Bytes(&'a mut [u8; GROUP]),
    /// Yes or no.
    Flag(&'a mut bool),
}

impl Place<'_> {
    fn set(self, value: Number) {
        match self {
            Self::Word(there) => *there = value.value((*there).into()) as u32,
            Self::Long(there) => *there = value.value(*there),
            Self::Signed(there) => *there = value.value(i64::from(*there).cast_unsigned()) as i32,
            Self::Integer(there) => *there = value.value(there.cast_unsigned()).cast_signed(),
            Self::Bytes(there) => there[0] = value.value(there[0].into()) as u8,
            Self::Flag(there) => *there = !*there,
        }
    }
}

fn descriptor_fields(data: &mut Descriptor) -> Vec<Place<'_>> {
    let Descriptor { points, features, classes, fraction_bits, near, columns, root, image: _ } = data;
    let mut fields: Vec<Place<'_>> = [points, features, classes, fraction_bits].map(Place::Word).into();
    fields.extend([Place::Long(near), Place::Bytes(root)]);
    for run in columns {
        fields.extend([Place::Word(&mut run.count), Place::Flag(&mut run.quantiser.clip)]);
        fields.extend([&mut run.quantiser.min, &mut run.quantiser.max].map(Place::Signed));
    }
    fields
}

fn question_fields(question: &mut Question) -> Vec<Place<'_>> {
    let Question { data, nonce, context, within, queries } = question;
    let mut fields = descriptor_fields(data);
    fields.extend([Place::Bytes(nonce), Place::Flag(within)]);
    fields.extend(context.iter_mut().map(Place::Bytes));
    for Query { features, label } in queries {
        fields.extend(features.iter_mut().map(Place::Signed));
        fields.extend(label.iter_mut().map(Place::Word));
    }
    fields
}

fn statement_fields(statement: &mut Statement) -> Vec<Place<'_>> {
    let Statement {
        data,
        hidden,
        format,
        batch,
        r_l,
        max_steps,
        nonce,
        first_step,
        multipliers,
        log_columns,
        start,
        end: _,
    } = statement;
    let mut fields = descriptor_fields(data);
    fields.extend([&mut format.f_a, &mut format.f_g, &mut format.q, &mut format.q_g].map(Place::Word));
    fields.extend([batch, r_l, log_columns].map(Place::Word));
    fields.extend([max_steps, first_step].map(Place::Long));
    fields.extend(hidden.iter_mut().map(Place::Word).chain(multipliers.iter_mut().map(Place::Long)));
    fields.push(Place::Bytes(nonce));
    if let Start::Committed { origin: Origin::Named { bits }, .. } = start {
        fields.push(Place::Word(bits));
    }
    fields
}

/// The message after the edits that are about it, if it can still be read.
pub fn edited<M: Message>(message: &M, part: u8, parts: u8, edits: &[Edit]) -> Option<M> {
    let honest = &Fixture::get().groups;
    let mut message = message.clone();
    for Edit { change, .. } in edits.iter().filter(|edit| edit.part % parts == part) {
        if let Change::Field { which, value } = change {
            let mut fields = message.fields();
            let which = usize::from(*which) % fields.len().max(1);
            fields.drain(..).skip(which).take(1).for_each(|field| field.set(*value));
            continue;
        }
        let mut bytes = if change.resizes() { message.groups() } else { message.encode() };
        change.apply(&mut bytes, honest);
        if change.resizes() {
            message.set_groups(bytes);
        } else {
            message = M::decode(&bytes)?;
        }
    }
    M::decode(&message.encode())
}

macro_rules! with_body {
    ($($message:ty, $fields:expr;)*) => { $(
        impl Message for $message {
            fn encode(&self) -> Vec<u8> {
                <$message>::encode(self)
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                <$message>::decode(bytes).ok()
            }

            fn groups(&mut self) -> Vec<u8> {
                std::mem::take(&mut self.body)
            }

            fn set_groups(&mut self, groups: Vec<u8>) {
                self.body = groups;
            }

            fn fields(&mut self) -> Vec<Place<'_>> {
                let fields: fn(&mut Self) -> Vec<Place<'_>> = $fields;
                fields(self)
            }
        }
    )* };
}

with_body! {
    Proof, |proof| vec![Place::Bytes(&mut proof.statement)];
    DataProof, |proof| vec![Place::Bytes(&mut proof.statement), Place::Word(&mut proof.log_columns)];
    WeightsProof, |proof| vec![Place::Bytes(&mut proof.model)];
    MemberAnswer, |answer| {
        let mut fields = question_fields(&mut answer.question);
        fields.extend([Place::Word(&mut answer.index), Place::Bytes(&mut answer.commitment)]);
        fields.extend(answer.path.iter_mut().map(Place::Bytes));
        fields
    };
    AbsentAnswer, |answer| question_fields(&mut answer.question);
}

/// Whole groups; what is left is dropped.
fn whole(groups: &[u8]) -> Vec<[u8; GROUP]> {
    groups.as_chunks().0.to_vec()
}

impl Message for Statement {
    fn encode(&self) -> Vec<u8> {
        Self::encode(self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }

    fn groups(&mut self) -> Vec<u8> {
        self.end.concat()
    }

    fn set_groups(&mut self, groups: Vec<u8>) {
        self.end = whole(&groups);
    }

    fn fields(&mut self) -> Vec<Place<'_>> {
        statement_fields(self)
    }
}

impl Message for PointCommitments {
    fn encode(&self) -> Vec<u8> {
        Self::encode(self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }

    fn groups(&mut self) -> Vec<u8> {
        self.0.concat()
    }

    fn set_groups(&mut self, groups: Vec<u8>) {
        self.0 = whole(&groups);
    }

    fn fields(&mut self) -> Vec<Place<'_>> {
        self.0.iter_mut().map(Place::Bytes).collect()
    }
}

impl Message for Descriptor {
    fn encode(&self) -> Vec<u8> {
        data_set::encode(self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        data_set::decode(bytes).ok()
    }

    fn groups(&mut self) -> Vec<u8> {
        self.root.to_vec()
    }

    fn set_groups(&mut self, groups: Vec<u8>) {
        self.root = whole(&groups).first().copied().unwrap_or_default();
    }

    fn fields(&mut self) -> Vec<Place<'_>> {
        descriptor_fields(self)
    }
}

impl Message for Shown {
    fn encode(&self) -> Vec<u8> {
        tensors::encode(&self.weights, tensors::Number::Integer, self.fraction_bits, &[])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let Self { widths, fraction_bits, .. } = Fixture::get().exports[0].shown.clone();
        let weights = tensors::decode(bytes, &widths, fraction_bits).ok()?;
        Some(Self { weights, widths, fraction_bits })
    }

    fn groups(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn set_groups(&mut self, _: Vec<u8>) {}

    fn fields(&mut self) -> Vec<Place<'_>> {
        self.weights.layers.iter_mut().flat_map(|layer| &mut layer.values).map(Place::Integer).collect()
    }
}
