//! Pictures of the demo's lots: a few shapes on a warm ground, antialiased, drawn pixel by pixel. No file is shipped.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// Width and height.
const SIDE_PX: u32 = 720;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motif {
    /// A round face with two hands.
    Watch,
    /// A body with a lens.
    Camera,
    /// A vase.
    Vase,
    /// A closed book.
    Book,
    /// A guitar.
    Guitar,
    /// A locket on a chain.
    Locket,
    /// A lamp.
    Lamp,
    /// A typewriter.
    Typewriter,
}

/// A shape in a square of side 2 around the origin, y downward.
#[derive(Clone, Copy)]
enum Shape {
    Disc {
        x: f32,
        y: f32,
        radius: f32,
    },
    Ring {
        x: f32,
        y: f32,
        radius: f32,
        width: f32,
    },
    /// A rectangle with round corners, turned by `turn` radians.
    Slab {
        x: f32,
        y: f32,
        half_width: f32,
        half_height: f32,
        corner: f32,
        turn: f32,
    },
}

/// How dark a shape is painted.
#[derive(Clone, Copy)]
enum Tone {
    Body,
    Shade,
    Light,
    Accent,
}

use Shape::{Disc, Ring, Slab};
use Tone::{Accent, Body, Light, Shade};

const fn slab(x: f32, y: f32, half_width: f32, half_height: f32, corner: f32) -> Shape {
    Slab { x, y, half_width, half_height, corner, turn: 0.0 }
}

fn shapes(motif: Motif) -> &'static [(Shape, Tone)] {
    match motif {
        Motif::Watch => {
            const {
                &[
                    (slab(0.0, -0.68, 0.2, 0.3, 0.05), Shade),
                    (slab(0.0, 0.68, 0.2, 0.3, 0.05), Shade),
                    (slab(0.54, 0.0, 0.06, 0.08, 0.02), Accent),
                    (Disc { x: 0.0, y: 0.0, radius: 0.5 }, Body),
                    (Disc { x: 0.0, y: 0.0, radius: 0.42 }, Light),
                    (Ring { x: 0.0, y: 0.0, radius: 0.36, width: 0.015 }, Shade),
                    (Slab { x: 0.1, y: -0.08, half_width: 0.15, half_height: 0.02, corner: 0.02, turn: -0.68 }, Body),
                    (slab(0.0, -0.14, 0.018, 0.2, 0.018), Body),
                    (Disc { x: 0.0, y: 0.0, radius: 0.045 }, Accent),
                ]
            }
        }
        Motif::Camera => {
            const {
                &[
                    (slab(-0.38, -0.38, 0.16, 0.1, 0.03), Shade),
                    (slab(0.42, -0.36, 0.1, 0.06, 0.02), Accent),
                    (slab(0.0, 0.05, 0.72, 0.4, 0.09), Body),
                    (slab(0.0, 0.05, 0.72, 0.22, 0.0), Shade),
                    (Disc { x: 0.0, y: 0.06, radius: 0.35 }, Body),
                    (Disc { x: 0.0, y: 0.06, radius: 0.28 }, Shade),
                    (Disc { x: 0.0, y: 0.06, radius: 0.2 }, Body),
                    (Disc { x: -0.06, y: 0.0, radius: 0.07 }, Light),
                    (slab(0.5, -0.22, 0.12, 0.07, 0.02), Light),
                ]
            }
        }
        Motif::Vase => {
            const {
                &[
                    (Disc { x: 0.0, y: 0.22, radius: 0.46 }, Body),
                    (slab(0.0, 0.64, 0.26, 0.06, 0.03), Shade),
                    (slab(0.0, -0.32, 0.15, 0.3, 0.06), Body),
                    (slab(0.0, -0.62, 0.25, 0.05, 0.05), Shade),
                    (slab(0.0, 0.12, 0.45, 0.03, 0.0), Accent),
                    (slab(0.0, 0.24, 0.46, 0.015, 0.0), Light),
                    (Disc { x: -0.18, y: 0.08, radius: 0.07 }, Light),
                ]
            }
        }
        Motif::Book => {
            const {
                &[
                    (slab(0.06, 0.04, 0.5, 0.66, 0.03), Light),
                    (slab(0.0, 0.0, 0.5, 0.66, 0.03), Body),
                    (slab(-0.42, 0.0, 0.08, 0.66, 0.03), Shade),
                    (Ring { x: 0.06, y: -0.08, radius: 0.2, width: 0.018 }, Accent),
                    (Disc { x: 0.06, y: -0.08, radius: 0.07 }, Accent),
                    (slab(0.06, 0.3, 0.24, 0.02, 0.01), Accent),
                    (slab(0.06, 0.38, 0.15, 0.015, 0.01), Accent),
                ]
            }
        }
        Motif::Guitar => {
            const {
                &[
                    (slab(0.0, -0.5, 0.06, 0.42, 0.02), Shade),
                    (slab(0.0, -0.86, 0.11, 0.12, 0.03), Body),
                    (Disc { x: 0.0, y: 0.08, radius: 0.29 }, Body),
                    (Disc { x: 0.0, y: 0.46, radius: 0.4 }, Body),
                    (slab(0.0, 0.26, 0.27, 0.14, 0.06), Body),
                    (Disc { x: 0.0, y: 0.2, radius: 0.12 }, Shade),
                    (Ring { x: 0.0, y: 0.2, radius: 0.14, width: 0.015 }, Accent),
                    (slab(0.0, 0.58, 0.16, 0.03, 0.01), Shade),
                    (slab(0.0, -0.14, 0.006, 0.72, 0.0), Light),
                ]
            }
        }
        Motif::Locket => {
            const {
                &[
                    (Ring { x: 0.0, y: -0.62, radius: 0.5, width: 0.012 }, Body),
                    (Ring { x: 0.0, y: -0.1, radius: 0.06, width: 0.02 }, Body),
                    (Disc { x: 0.0, y: 0.28, radius: 0.34 }, Body),
                    (Ring { x: 0.0, y: 0.28, radius: 0.28, width: 0.012 }, Light),
                    (Disc { x: 0.0, y: 0.28, radius: 0.12 }, Accent),
                    (Disc { x: -0.04, y: 0.24, radius: 0.035 }, Light),
                ]
            }
        }
        Motif::Lamp => {
            const {
                &[
                    (slab(0.0, 0.7, 0.34, 0.05, 0.04), Body),
                    (slab(0.0, 0.28, 0.025, 0.42, 0.0), Shade),
                    (slab(0.0, -0.34, 0.26, 0.16, 0.1), Body),
                    (slab(0.0, -0.22, 0.46, 0.1, 0.06), Body),
                    (slab(0.0, -0.11, 0.4, 0.02, 0.02), Light),
                    (Disc { x: 0.0, y: -0.02, radius: 0.1 }, Accent),
                ]
            }
        }
        Motif::Typewriter => {
            const {
                &[
                    (slab(0.0, -0.5, 0.38, 0.2, 0.02), Light),
                    (slab(0.0, -0.26, 0.66, 0.09, 0.05), Shade),
                    (slab(0.0, 0.1, 0.58, 0.34, 0.1), Body),
                    (slab(0.0, 0.44, 0.7, 0.16, 0.06), Body),
                    (slab(0.0, 0.06, 0.42, 0.02, 0.02), Accent),
                    (Disc { x: -0.42, y: 0.34, radius: 0.055 }, Light),
                    (Disc { x: -0.21, y: 0.34, radius: 0.055 }, Light),
                    (Disc { x: 0.0, y: 0.34, radius: 0.055 }, Light),
                    (Disc { x: 0.21, y: 0.34, radius: 0.055 }, Light),
                    (Disc { x: 0.42, y: 0.34, radius: 0.055 }, Light),
                    (slab(0.0, 0.5, 0.34, 0.035, 0.03), Light),
                ]
            }
        }
    }
}

impl Shape {
    /// Signed distance of a point from the edge, negative inside.
    fn distance(self, px: f32, py: f32) -> f32 {
        match self {
            Disc { x, y, radius } => (px - x).hypot(py - y) - radius,
            Ring { x, y, radius, width } => ((px - x).hypot(py - y) - radius).abs() - width,
            Slab { x, y, half_width, half_height, corner, turn } => {
                let (sin, cos) = turn.sin_cos();
                let (dx, dy) = (px - x, py - y);
                let (dx, dy) = (dx * cos + dy * sin, dy * cos - dx * sin);
                let (qx, qy) = (dx.abs() - half_width + corner, dy.abs() - half_height + corner);
                qx.max(0.0).hypot(qy.max(0.0)) + qx.max(qy).min(0.0) - corner
            }
        }
    }
}

/// A PNG of the motif; `hue` from 0 to 1 varies the colours.
#[must_use]
pub fn draw(motif: Motif, hue: f32) -> Vec<u8> {
    let shapes = shapes(motif);
    let pixel_size = 2.0 / SIDE_PX as f32;
    let picture = RgbImage::from_fn(SIDE_PX, SIDE_PX, |column, row| {
        let (x, y) = (column as f32 * pixel_size - 1.0, row as f32 * pixel_size - 1.0);
        let shadow = shapes.iter().map(|(shape, _)| shape.distance(x - 0.03, y - 0.06)).fold(1.0, f32::min);
        let ground = ground(hue, x, y);
        let shaded = mix(ground, ground.map(|part| part * 0.62), 0.5 * (1.0 - (shadow / 0.16).clamp(0.0, 1.0)));
        let colour = shapes.iter().fold(shaded, |under, &(shape, tone)| {
            let cover = (0.5 - shape.distance(x, y) / (1.5 * pixel_size)).clamp(0.0, 1.0);
            mix(under, paint(tone, hue, y), cover)
        });
        Rgb(colour.map(|part| (part.clamp(0.0, 1.0) * 255.0) as u8))
    });
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).expect("writing to memory does not fail");
    png.into_inner()
}

/// The table and the wall behind it, a little darker toward the corners.
fn ground(hue: f32, x: f32, y: f32) -> [f32; 3] {
    let lightness = if y > 0.62 { 0.78 } else { 0.87 };
    colour(hue + 0.08, 0.22, lightness - 0.07 * (x * x + y * y) / 2.0)
}

fn paint(tone: Tone, hue: f32, y: f32) -> [f32; 3] {
    // Light falls from above.
    let light = 0.05 * -y;
    match tone {
        Body => colour(hue, 0.42, 0.36 + light),
        Shade => colour(hue, 0.38, 0.23 + light),
        Light => colour(hue + 0.1, 0.3, 0.9 + light),
        Accent => colour(hue + 0.45, 0.55, 0.52 + light),
    }
}

/// Hue, saturation and lightness, each from 0 to 1, as red, green and blue.
fn colour(hue: f32, saturation: f32, lightness: f32) -> [f32; 3] {
    let spread = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let k = (offset + hue * 12.0).rem_euclid(12.0);
        lightness - spread * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
    })
}

fn mix(under: [f32; 3], over: [f32; 3], cover: f32) -> [f32; 3] {
    std::array::from_fn(|part| under[part] + (over[part] - under[part]) * cover)
}
