//! Pallas points and their one canonical encoding.
//!
//! An encoding is 32 bytes: the x-coordinate, little endian, below the field's modulus, with the parity of y in bit 255.
//! The identity has no encoding: no honest commitment is the identity, so a decoder that meets it refuses.

use pasta_curves::arithmetic::{Coordinates, CurveAffine as _};
use pasta_curves::group::ff::PrimeField;
use pasta_curves::group::{Curve, CurveAffine, Group, GroupEncoding};
use pasta_curves::pallas;

/// A point in projective coordinates.
pub type Point = pallas::Point;
/// A point in affine coordinates.
pub type Affine = pallas::Affine;
/// The field of the coordinates.
pub type Base = pallas::Base;

/// Length in bytes of an encoded point.
pub const POINT_BYTES: usize = 32;
/// Length in bytes of the coordinates of a point.
pub const COORDINATES_BYTES: usize = 64;

/// Why 32 bytes are not a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// Coordinate not below the modulus, or not on the curve.
    #[error("not the canonical encoding of a curve point")]
    Invalid,
    /// The encoding of the identity.
    #[error("the identity is not allowed")]
    Identity,
}

/// Encodes a point; the identity becomes 32 zero bytes, which [`decode`] refuses.
#[must_use]
pub fn encode(point: &Affine) -> [u8; POINT_BYTES] {
    point.to_bytes()
}

/// Decodes a point.
///
/// # Errors
/// [`PointError`]: non-canonical, off the curve, or the identity.
pub fn decode(bytes: &[u8; POINT_BYTES]) -> Result<Affine, PointError> {
    let point = Option::<Affine>::from(Affine::from_bytes(bytes)).ok_or(PointError::Invalid)?;
    if bool::from(point.is_identity()) {
        return Err(PointError::Identity);
    }
    Ok(point)
}

/// Both coordinates of a point, x first, 32 bytes each, little endian; 64 zero bytes for the identity.
///
/// For local files alone: twice as long as [`encode`], and read without a square root.
#[must_use]
pub fn coordinates(point: &Affine) -> [u8; COORDINATES_BYTES] {
    let mut bytes = [0; COORDINATES_BYTES];
    if let Some(p) = Option::<Coordinates<Affine>>::from(point.coordinates()) {
        let (x, y) = bytes.split_at_mut(COORDINATES_BYTES / 2);
        x.copy_from_slice(&p.x().to_repr());
        y.copy_from_slice(&p.y().to_repr());
    }
    bytes
}

/// Reads [`coordinates`]. About 0.1 us.
///
/// # Errors
/// [`PointError`]: non-canonical, off the curve, or the identity.
pub fn from_coordinates(bytes: &[u8; COORDINATES_BYTES]) -> Result<Affine, PointError> {
    let ([x, y], _) = bytes.as_chunks() else { return Err(PointError::Invalid) };
    let coordinate = |bytes| Option::<Base>::from(Base::from_repr(bytes)).ok_or(PointError::Invalid);
    let (x, y) = (coordinate(*x)?, coordinate(*y)?);
    let point = Option::<Affine>::from(Affine::from_xy(x, y)).ok_or(PointError::Invalid)?;
    if bool::from(point.is_identity()) {
        return Err(PointError::Identity);
    }
    Ok(point)
}

/// Affine forms of many points with one inversion.
#[must_use]
pub fn normalize(points: &[Point]) -> Vec<Affine> {
    let mut out = vec![identity().to_affine(); points.len()];
    Point::batch_normalize(points, &mut out);
    out
}

/// The neutral element.
#[must_use]
pub fn identity() -> Point {
    Point::identity()
}

/// Affine form of one point.
#[must_use]
pub fn affine(point: &Point) -> Affine {
    point.to_affine()
}

/// Whether a point is the neutral element.
#[must_use]
pub fn is_identity(point: &Point) -> bool {
    point.is_identity().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pasta_curves::group::ff::Field;

    #[test]
    fn coordinates_round_trip_and_are_refused() {
        let g = affine(&Point::generator());
        let bytes = coordinates(&g);
        assert_eq!(from_coordinates(&bytes), Ok(g));
        assert_eq!(bytes[..32], encode(&g)[..32], "x, and y is even");
        assert_eq!(coordinates(&affine(&identity())), [0; 64]);
        assert_eq!(from_coordinates(&[0; 64]), Err(PointError::Identity));
        for byte in 0..64 {
            let mut other = bytes;
            other[byte] ^= 0x80;
            assert_eq!(from_coordinates(&other), Err(PointError::Invalid), "byte {byte}");
        }
        let modulus: [u8; 32] = std::array::from_fn(|i| (-Base::ONE).to_repr()[i] + u8::from(i == 0));
        let zero_as_modulus = [modulus, [0; 32]].concat().try_into().unwrap();
        assert_eq!(from_coordinates(&zero_as_modulus), Err(PointError::Invalid));
    }

    /// Catalogue 6, 7.
    #[test]
    fn round_trip_and_refusals() {
        let g = affine(&Point::generator());
        let bytes = encode(&g);
        assert_eq!(decode(&bytes), Ok(g));
        assert_eq!(decode(&[0; 32]), Err(PointError::Identity));
        assert_eq!(decode(&[0xff; 32]), Err(PointError::Invalid));
        assert!(is_identity(&identity()) && !is_identity(&Point::generator()));
        let refused = (1..=255u8).filter(|b| decode(&[*b; 32]).is_err()).count();
        assert!(refused > 64, "half of all x-coordinates are off the curve");
    }
}
