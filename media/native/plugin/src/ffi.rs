//! The libraries' functions as they are in C, and types that call them only as their headers allow.
//!
//! A state belongs to one value, is used by one thread at a time (`&mut`), and is freed by the library that made it, which stays loaded
//! as long (`Arc`). All buffers handed over are at least as long as the library may read or write.

use std::ffi::{c_int, c_short, c_uchar, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use libloading::Library;

use crate::{Decoder, Encoder, Kind, MOST_OCTETS, MOST_SAMPLES, Missing, candidate};

type State = *mut c_void;

/// A frame of a library that no library reads beyond.
const ROOM: usize = 64;

fn missing(kind: Kind, library: &str, reason: &str) -> Missing {
    Missing { codec: kind.name(), library: library.to_owned(), reason: reason.to_owned() }
}

/// The first of `files` that one of the places has.
fn open(kind: Kind, files: &[&str], places: &[String]) -> Result<Library, Missing> {
    if places.is_empty() {
        return Err(missing(kind, files[0], "codec libraries are switched off (media.plugins)"));
    }
    let mut reason = "not found".to_owned();
    for place in places {
        for path in files.iter().filter_map(|file| candidate(place, file)) {
            // SAFETY: the libraries named in `Kind::files` have no constructors that do more than set up their tables; which file a
            // path means is the word of the administrator, whose configuration runs this process.
            match unsafe { Library::new(&path) } {
                Ok(library) => return Ok(library),
                Err(error) => reason = error.to_string(),
            }
        }
    }
    Err(missing(kind, files[0], &reason))
}

/// Reads function pointers out of a library; each has to be there.
macro_rules! functions {
    ($kind:expr, $file:expr, $library:expr, { $($name:literal),+ $(,)? }) => {
        ($(
            // SAFETY: the name belongs to the library's public header, whose prototype the field's type repeats.
            match unsafe { $library.get(concat!($name, "\0").as_bytes()) } {
                Ok(symbol) => *symbol,
                Err(_) => return Err(missing($kind, $file, concat!("it has no function ", $name))),
            },
        )+)
    };
}

/// Makes a library's state and its owner.
fn owned<T>(state: State, make: impl FnOnce(NonNull<c_void>) -> T) -> Option<T> {
    NonNull::new(state).map(make)
}

/// Copies a frame to where a library may read more than it has.
fn roomy(frame: &[u8]) -> [u8; ROOM] {
    let mut room = [0; ROOM];
    let count = frame.len().min(MOST_OCTETS);
    room[..count].copy_from_slice(&frame[..count]);
    room
}

// G.729: bcg729 (bcg729/decoder.h, bcg729/encoder.h)

type Bcg729Decode = unsafe extern "C" fn(State, *const u8, u8, u8, u8, u8, *mut i16);
type Bcg729Encode = unsafe extern "C" fn(State, *const i16, *mut u8, *mut u8);

pub struct G729 {
    open_decoder: unsafe extern "C" fn() -> State,
    close_decoder: unsafe extern "C" fn(State),
    decode: Bcg729Decode,
    open_encoder: unsafe extern "C" fn(u8) -> State,
    close_encoder: unsafe extern "C" fn(State),
    encode: Bcg729Encode,
    _library: Library,
}

impl G729 {
    pub fn load(places: &[String]) -> Result<Self, Missing> {
        let files = Kind::G729.files();
        let library = open(Kind::G729, files, places)?;
        let (open_decoder, close_decoder, decode, open_encoder, close_encoder, encode) = functions!(Kind::G729, files[0], library, {
            "initBcg729DecoderChannel",
            "closeBcg729DecoderChannel",
            "bcg729Decoder",
            "initBcg729EncoderChannel",
            "closeBcg729EncoderChannel",
            "bcg729Encoder",
        });
        Ok(Self { open_decoder, close_decoder, decode, open_encoder, close_encoder, encode, _library: library })
    }
}

pub struct G729Decoder {
    api: Arc<G729>,
    state: NonNull<c_void>,
}

// SAFETY: the state is memory of its own without thread affinity, reached through `&mut self` only.
unsafe impl Send for G729Decoder {}

impl G729Decoder {
    pub fn open(api: &Arc<G729>) -> Option<Box<dyn Decoder>> {
        // SAFETY: the function takes nothing and returns a state or null.
        let state = unsafe { (api.open_decoder)() };
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state }) as Box<dyn Decoder>)
    }
}

impl Decoder for G729Decoder {
    fn decode(&mut self, frame: Option<&[u8]>, out: &mut [i16; MOST_SAMPLES]) {
        let octets = roomy(frame.unwrap_or_default());
        let length = frame.map_or(0, |frame| if frame.len() >= 10 { 10 } else { 2 });
        let (erased, sid) = (u8::from(frame.is_none()), u8::from(length == 2));
        // SAFETY: the state lives; it reads at most 10 octets and writes 80 samples.
        unsafe { (self.api.decode)(self.state.as_ptr(), octets.as_ptr(), length, erased, sid, 0, out.as_mut_ptr()) };
    }
}

impl Drop for G729Decoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.close_decoder)(self.state.as_ptr()) };
    }
}

pub struct G729Encoder {
    api: Arc<G729>,
    state: NonNull<c_void>,
}

// SAFETY: as for the decoder.
unsafe impl Send for G729Encoder {}

impl G729Encoder {
    pub fn open(api: &Arc<G729>, silence: bool) -> Option<Box<dyn Encoder>> {
        // SAFETY: the function takes a flag and returns a state or null.
        let state = unsafe { (api.open_encoder)(u8::from(silence)) };
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state }) as Box<dyn Encoder>)
    }
}

impl Encoder for G729Encoder {
    fn encode(&mut self, samples: &[i16; MOST_SAMPLES], out: &mut [u8; MOST_OCTETS]) -> usize {
        let mut length = 0u8;
        // SAFETY: the state lives; it reads 80 samples and writes at most 10 octets and the length.
        unsafe { (self.api.encode)(self.state.as_ptr(), samples.as_ptr(), out.as_mut_ptr(), &mut length) };
        usize::from(length).min(10)
    }
}

impl Drop for G729Encoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.close_encoder)(self.state.as_ptr()) };
    }
}

// AMR: opencore-amrnb (interf_dec.h, interf_enc.h). AMR-WB: opencore-amrwb (dec_if.h), vo-amrwbenc (enc_if.h)

type AmrDecode = unsafe extern "C" fn(State, *const c_uchar, *mut c_short, c_int);

pub struct Amr {
    open_decoder: unsafe extern "C" fn() -> State,
    close_decoder: unsafe extern "C" fn(State),
    decode: AmrDecode,
    open_encoder: unsafe extern "C" fn(c_int) -> State,
    close_encoder: unsafe extern "C" fn(State),
    encode: unsafe extern "C" fn(State, c_int, *const c_short, *mut c_uchar, c_int) -> c_int,
    _library: Library,
}

impl Amr {
    pub fn load(places: &[String]) -> Result<Self, Missing> {
        let files = Kind::Amr.files();
        let library = open(Kind::Amr, files, places)?;
        let (open_decoder, close_decoder, decode, open_encoder, close_encoder, encode) = functions!(Kind::Amr, files[0], library, {
            "Decoder_Interface_init",
            "Decoder_Interface_exit",
            "Decoder_Interface_Decode",
            "Encoder_Interface_init",
            "Encoder_Interface_exit",
            "Encoder_Interface_Encode",
        });
        Ok(Self { open_decoder, close_decoder, decode, open_encoder, close_encoder, encode, _library: library })
    }
}

pub struct AmrWb {
    open_decoder: unsafe extern "C" fn() -> State,
    close_decoder: unsafe extern "C" fn(State),
    decode: AmrDecode,
    open_encoder: unsafe extern "C" fn() -> State,
    close_encoder: unsafe extern "C" fn(State),
    encode: unsafe extern "C" fn(State, c_int, *const c_short, *mut c_uchar, c_int) -> c_int,
    _libraries: (Library, Library),
}

impl AmrWb {
    pub fn load(places: &[String]) -> Result<Self, Missing> {
        let files = Kind::AmrWb.files();
        let decoding = open(Kind::AmrWb, &files[..1], places)?;
        let encoding = open(Kind::AmrWb, &files[1..], places)?;
        let (open_decoder, close_decoder, decode) =
            functions!(Kind::AmrWb, files[0], decoding, { "D_IF_init", "D_IF_exit", "D_IF_decode" });
        let (open_encoder, close_encoder, encode) =
            functions!(Kind::AmrWb, files[1], encoding, { "E_IF_init", "E_IF_exit", "E_IF_encode" });
        let _libraries = (decoding, encoding);
        Ok(Self { open_decoder, close_decoder, decode, open_encoder, close_encoder, encode, _libraries })
    }
}

/// The header of a frame that was not received, or not sent (frame type 15, NO_DATA).
const NO_DATA: u8 = 15 << 3 | 4;

/// Both decoders look alike.
macro_rules! amr_decoder {
    ($name:ident, $api:ty) => {
        pub struct $name {
            api: Arc<$api>,
            state: NonNull<c_void>,
        }

        // SAFETY: the state is memory of its own without thread affinity, reached through `&mut self` only.
        unsafe impl Send for $name {}

        impl $name {
            pub fn open(api: &Arc<$api>) -> Option<Box<dyn Decoder>> {
                // SAFETY: the function takes nothing and returns a state or null.
                let state = unsafe { (api.open_decoder)() };
                owned(state, |state| Box::new(Self { api: Arc::clone(api), state }) as Box<dyn Decoder>)
            }
        }

        impl Decoder for $name {
            fn decode(&mut self, frame: Option<&[u8]>, out: &mut [i16; MOST_SAMPLES]) {
                let octets = roomy(frame.unwrap_or(&[NO_DATA]));
                // SAFETY: the state lives; the frame type says how much is read, at most 61 octets; 160 or 320 samples are written.
                unsafe { (self.api.decode)(self.state.as_ptr(), octets.as_ptr(), out.as_mut_ptr(), 0) };
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: made by the matching function and used no more.
                unsafe { (self.api.close_decoder)(self.state.as_ptr()) };
            }
        }
    };
}

amr_decoder!(AmrDecoder, Amr);
amr_decoder!(AmrWbDecoder, AmrWb);

/// A frame as the library gave it, without those that say that there is none.
fn sent(frame: &[u8; MOST_OCTETS], length: c_int) -> usize {
    let length = usize::try_from(length).unwrap_or(0).min(MOST_OCTETS);
    if length <= 1 || (frame[0] >> 3) & 15 >= 14 { 0 } else { length }
}

pub struct AmrEncoder {
    api: Arc<Amr>,
    state: NonNull<c_void>,
    mode: c_int,
}

// SAFETY: as for the decoders.
unsafe impl Send for AmrEncoder {}

impl AmrEncoder {
    pub fn open(api: &Arc<Amr>, silence: bool) -> Option<Box<dyn Encoder>> {
        // SAFETY: the function takes a flag and returns a state or null.
        let state = unsafe { (api.open_encoder)(c_int::from(silence)) };
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state, mode: 7 }) as Box<dyn Encoder>)
    }
}

impl Encoder for AmrEncoder {
    fn encode(&mut self, samples: &[i16; MOST_SAMPLES], out: &mut [u8; MOST_OCTETS]) -> usize {
        let mut room = [0u8; 2 * ROOM];
        // SAFETY: the state lives, the mode is 0 to 7; 160 samples are read, at most 32 octets written.
        let length =
            unsafe { (self.api.encode)(self.state.as_ptr(), self.mode, samples.as_ptr(), room.as_mut_ptr(), 0) };
        out.copy_from_slice(&room[..MOST_OCTETS]);
        sent(out, length)
    }

    fn set_mode(&mut self, mode: u8) {
        self.mode = c_int::from(mode.min(7));
    }
}

impl Drop for AmrEncoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.close_encoder)(self.state.as_ptr()) };
    }
}

pub struct AmrWbEncoder {
    api: Arc<AmrWb>,
    state: NonNull<c_void>,
    mode: c_int,
    silence: c_int,
}

// SAFETY: as for the decoders.
unsafe impl Send for AmrWbEncoder {}

impl AmrWbEncoder {
    pub fn open(api: &Arc<AmrWb>, silence: bool) -> Option<Box<dyn Encoder>> {
        // SAFETY: the function takes nothing and returns a state or null.
        let state = unsafe { (api.open_encoder)() };
        let silence = c_int::from(silence);
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state, mode: 2, silence }) as Box<dyn Encoder>)
    }
}

impl Encoder for AmrWbEncoder {
    fn encode(&mut self, samples: &[i16; MOST_SAMPLES], out: &mut [u8; MOST_OCTETS]) -> usize {
        let mut room = [0u8; 2 * ROOM];
        // SAFETY: the state lives, the mode is 0 to 8; 320 samples are read, at most 61 octets written.
        let length = unsafe {
            (self.api.encode)(self.state.as_ptr(), self.mode, samples.as_ptr(), room.as_mut_ptr(), self.silence)
        };
        out.copy_from_slice(&room[..MOST_OCTETS]);
        sent(out, length)
    }

    fn set_mode(&mut self, mode: u8) {
        self.mode = c_int::from(mode.min(8));
    }
}

impl Drop for AmrWbEncoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.close_encoder)(self.state.as_ptr()) };
    }
}

// iLBC: libilbc (ilbc.h), the fixed-point codec of WebRTC. Lengths are `size_t` since version 3 and `int16_t` before; small ones are the
// same in registers, and of a returned length only the lower 16 bits are looked at.

pub struct Ilbc {
    create_decoder: unsafe extern "C" fn(*mut State) -> c_int,
    init_decoder: unsafe extern "C" fn(State, c_int) -> c_int,
    free_decoder: unsafe extern "C" fn(State) -> c_int,
    decode: unsafe extern "C" fn(State, *const u8, usize, *mut i16, *mut i16) -> c_int,
    conceal: unsafe extern "C" fn(State, *mut i16, usize) -> usize,
    create_encoder: unsafe extern "C" fn(*mut State) -> c_int,
    init_encoder: unsafe extern "C" fn(State, c_int) -> c_int,
    free_encoder: unsafe extern "C" fn(State) -> c_int,
    encode: unsafe extern "C" fn(State, *const i16, usize, *mut u8) -> c_int,
    _library: Library,
}

impl Ilbc {
    pub fn load(places: &[String]) -> Result<Self, Missing> {
        let files = Kind::Ilbc20.files();
        let library = open(Kind::Ilbc20, files, places)?;
        let (create_decoder, init_decoder, free_decoder, decode, conceal) = functions!(Kind::Ilbc20, files[0], library, {
            "WebRtcIlbcfix_DecoderCreate",
            "WebRtcIlbcfix_DecoderInit",
            "WebRtcIlbcfix_DecoderFree",
            "WebRtcIlbcfix_Decode",
            "WebRtcIlbcfix_DecodePlc",
        });
        let (create_encoder, init_encoder, free_encoder, encode) = functions!(Kind::Ilbc20, files[0], library, {
            "WebRtcIlbcfix_EncoderCreate",
            "WebRtcIlbcfix_EncoderInit",
            "WebRtcIlbcfix_EncoderFree",
            "WebRtcIlbcfix_Encode",
        });
        Ok(Self {
            create_decoder,
            init_decoder,
            free_decoder,
            decode,
            conceal,
            create_encoder,
            init_encoder,
            free_encoder,
            encode,
            _library: library,
        })
    }
}

/// Creates a state by `create` and gives it its frame length by `init`.
fn ilbc_state(
    kind: Kind,
    create: unsafe extern "C" fn(*mut State) -> c_int,
    init: unsafe extern "C" fn(State, c_int) -> c_int,
) -> State {
    let mut state: State = std::ptr::null_mut();
    // SAFETY: the function writes a state through the pointer, which lives, or leaves it null.
    if unsafe { create(&mut state) } < 0 || state.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the state was just made; frames are of 20 or 30 ms. What it returns differs between versions and says nothing here.
    unsafe { init(state, (kind.samples() / 8) as c_int) };
    state
}

pub struct IlbcDecoder {
    api: Arc<Ilbc>,
    state: NonNull<c_void>,
}

// SAFETY: the state is memory of its own without thread affinity, reached through `&mut self` only.
unsafe impl Send for IlbcDecoder {}

impl IlbcDecoder {
    pub fn open(api: &Arc<Ilbc>, kind: Kind) -> Option<Box<dyn Decoder>> {
        let state = ilbc_state(kind, api.create_decoder, api.init_decoder);
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state }) as Box<dyn Decoder>)
    }
}

impl Decoder for IlbcDecoder {
    fn decode(&mut self, frame: Option<&[u8]>, out: &mut [i16; MOST_SAMPLES]) {
        let Some(frame) = frame else {
            // SAFETY: the state lives; one frame of at most 240 samples is written.
            unsafe { (self.api.conceal)(self.state.as_ptr(), out.as_mut_ptr(), 1) };
            return;
        };
        let (octets, mut kind) = (roomy(frame), 0i16);
        // SAFETY: the state lives; the length is that of one frame, 38 or 50 octets, and at most 240 samples are written.
        unsafe {
            (self.api.decode)(self.state.as_ptr(), octets.as_ptr(), frame.len().min(50), out.as_mut_ptr(), &mut kind)
        };
    }
}

impl Drop for IlbcDecoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.free_decoder)(self.state.as_ptr()) };
    }
}

pub struct IlbcEncoder {
    api: Arc<Ilbc>,
    state: NonNull<c_void>,
    kind: Kind,
}

// SAFETY: as for the decoder.
unsafe impl Send for IlbcEncoder {}

impl IlbcEncoder {
    pub fn open(api: &Arc<Ilbc>, kind: Kind) -> Option<Box<dyn Encoder>> {
        let state = ilbc_state(kind, api.create_encoder, api.init_encoder);
        owned(state, |state| Box::new(Self { api: Arc::clone(api), state, kind }) as Box<dyn Encoder>)
    }
}

impl Encoder for IlbcEncoder {
    fn encode(&mut self, samples: &[i16; MOST_SAMPLES], out: &mut [u8; MOST_OCTETS]) -> usize {
        // SAFETY: the state lives; one frame of samples is read, 38 or 50 octets are written.
        let length =
            unsafe { (self.api.encode)(self.state.as_ptr(), samples.as_ptr(), self.kind.samples(), out.as_mut_ptr()) };
        usize::try_from(length as i16).unwrap_or(0).min(50)
    }
}

impl Drop for IlbcEncoder {
    fn drop(&mut self) {
        // SAFETY: made by the matching function and used no more.
        unsafe { (self.api.free_encoder)(self.state.as_ptr()) };
    }
}
