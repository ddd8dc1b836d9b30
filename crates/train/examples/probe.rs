//! probe
use std::time::Instant;
use zkdl_train::gemm::*;
use zkdl_train::*;
fn best(name: &str, macs: f64, mut f: impl FnMut()) {
    f();
    let mut b = f64::MAX;
    for _ in 0..20 {
        let t = Instant::now();
        f();
        b = b.min(t.elapsed().as_secs_f64());
    }
    println!("{name:40} {:.3} ms {:.1} GMAC/s", b * 1e3, macs / b / 1e9);
}
fn main() {
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for (m, k, n) in [(64usize, 1024usize, 1024usize), (32, 129, 64), (32, 65, 128)] {
                let mac = (m * k * n) as f64;
                let a: Vec<i64> = (0..m * k).map(|i| ((i * 7919) % 2048) as i64).collect();
                let b: Vec<i64> = (0..k * n).map(|i| ((i * 104729) % (1 << 22)) as i64 - (1 << 21)).collect();
                let c: Vec<i64> = (0..m * n).map(|i| ((i * 7919) % 1024) as i64 - 512).collect();
                let (am, bm, cm) =
                    (Matrix::new(&a, m, k).unwrap(), Matrix::new(&b, k, n).unwrap(), Matrix::new(&c, m, n).unwrap());
                println!("{m}x{k}x{n} threads {threads}");
                best("A*W", mac, || {
                    product(am, bm).unwrap();
                });
                best("G*W^T", mac, || {
                    product(cm, bm.transposed()).unwrap();
                });
                best("A^T*G", mac, || {
                    product(am.transposed(), cm).unwrap();
                });
                if threads == 1 {
                    let mut b2 = b.clone();
                    b2[5] = 1 << 46;
                    let b2 = Matrix::new(&b2, k, n).unwrap();
                    best("wide A*W", mac, || {
                        product(am, b2).unwrap();
                    });
                    best("wide G*W^T", mac, || {
                        product(cm, b2.transposed()).unwrap();
                    });
                }
            }
        });
    }
    // check speed
    let al = Algorithm {
        widths: vec![64, 128, 64, 10],
        format: Format { q: 16, q_g: 14, ..Format::default() },
        batch: 32,
        f_x: 4,
        r_l: 37,
        max_steps: 10000,
        input_min: 0,
        input_max: 16,
    };
    let f: Vec<Vec<i32>> = (0..500).map(|i| (0..64).map(|j| ((i * 31 + j * 17) % 17) as i32).collect()).collect();
    let idx: Vec<Vec<u32>> = (0..41).map(|t| (0..32).map(|b| ((t * 37 + b * 11) % 500) as u32).collect()).collect();
    let c = vec![8192u64; 41];
    let p = |i: u32| Some((&f[i as usize][..], i % 10));
    let t = Instant::now();
    let tr = record_window(&al, initial_weights(&al, &[1; 32], &[2; 32]), p, &idx, &c, 0, |_| ()).unwrap();
    println!("record 41 steps {:?}", t.elapsed());
    let t = Instant::now();
    check(&Relation { algorithm: &al, first_step: 0, multipliers: &c, indices: &idx }, p, &tr).unwrap();
    println!("check {} cells {:?}", 41 * 32 * 202, t.elapsed());
}
