//! SHA-256 of every piece of the column generators.
//!
//! Written by `cargo run --release -p zkdl --example pin_generators`: do not edit.

/// From piece 0 on: columns up to 2^10, 2^11, .., 2^20.
pub(super) const DIGESTS: [&str; 11] = [
    "180b084cd75ffb38965df57756d9643a7a5a7dc991931304e4467e1e8f79c8a5",
    "b105b04ce2b752960223cef77a280eeccdb12f9893aa8b004b9dd40a07f977c2",
    "bd388a498cc9c385a9dfca20e56ecfb17e06a344a88175c7c9f68acf456784f5",
    "1544f8d40ff51258a08de9dbb7d898c28930ac1de93439cd748ef73665c3d57f",
    "604b045c11977280595717de823637b0f8c1367a3509229a4f5646d476ee641c",
    "ff58feb273fdd6f7d87f82803c8ad626d154d889c0c2df51d65265188bad3cec",
    "bb16eda875887e294290ece353f956cba2b3479edbfae48e6b464c5cd214af24",
    "15513fa5be26e01fc571d91a771c91aaee6950f36b35f9f11bd6a645da497c4d",
    "1b8af3bba02ef3a36398dc7d686127f8791c630e9d981a675e64c9649dbea8b0",
    "65133be9f0f8fb71cd2fed99096b557943d69337f4ad185efadaee6d296d83c6",
    "c0d4c5a9c5a6d4820b5f8590a58217db00e184aca8f98a38ff00eb61ffac9588",
];
