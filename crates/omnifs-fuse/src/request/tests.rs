use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;

/// A message with its length right.
fn message(opcode: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(size_of::<InHeader>() + body.len()).unwrap();
    let head = InHeader { len, opcode, unique: 8, nodeid: 3, pid: 77, ..InHeader::default() };
    [head.as_bytes(), body].concat()
}

/// Valid arguments of an operation.
fn arguments(opcode: Opcode) -> Vec<u8> {
    match opcode {
        Opcode::Init => InitIn { major: 7, minor: 45, ..InitIn::default() }.as_bytes().to_vec(),
        Opcode::Lookup => b"name\0".to_vec(),
        Opcode::Forget => ForgetIn { nlookup: 2 }.as_bytes().to_vec(),
        Opcode::BatchForget => [
            BatchForgetIn { count: 2, dummy: 0 }.as_bytes(),
            ForgetOne { nodeid: 5, nlookup: 1 }.as_bytes(),
            ForgetOne { nodeid: 6, nlookup: 3 }.as_bytes(),
        ]
        .concat(),
        Opcode::Read | Opcode::Readdir | Opcode::Readdirplus => {
            ReadIn { fh: 1, offset: 2, size: 4096, ..ReadIn::default() }.as_bytes().to_vec()
        }
        Opcode::Releasedir => ReleaseIn { fh: 9, ..ReleaseIn::default() }.as_bytes().to_vec(),
        Opcode::Getxattr => [GetxattrIn { size: 10, padding: 0 }.as_bytes(), b"user.x\0"].concat(),
        Opcode::Listxattr => GetxattrIn { size: 10, padding: 0 }.as_bytes().to_vec(),
        Opcode::Interrupt => InterruptIn { unique: 8 }.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// The operations whose arguments matter here.
fn with_arguments() -> impl Iterator<Item = Opcode> {
    Opcode::ALL.iter().copied().filter(|opcode| !arguments(*opcode).is_empty())
}

#[test]
fn reads_every_known_operation() {
    for opcode in Opcode::ALL {
        let bytes = message(opcode.number(), &arguments(*opcode));
        let (header, _) = decode(&bytes).unwrap_or_else(|err| panic!("{opcode:?}: {err}"));
        assert_eq!((header.opcode, header.unique), (opcode.number(), 8));
        assert_eq!((header.node, header.pid), (3, 77));
    }
}

#[test]
fn reads_the_arguments() {
    let read = |opcode: Opcode| message(opcode.number(), &arguments(opcode));
    let range = Range { handle: 1, offset: 2, size: 4096 };
    let cases = [
        (Opcode::Lookup, Operation::Lookup { name: b"name" }),
        (Opcode::Forget, Operation::Forget { count: 2 }),
        (Opcode::Read, Operation::Read(range, ReadInto::Pages)),
        (Opcode::Readdirplus, Operation::Readdirplus(range)),
        (Opcode::Releasedir, Operation::Releasedir { handle: 9 }),
        (Opcode::Getxattr, Operation::Getxattr { name: b"user.x", size: 10 }),
        (Opcode::Listxattr, Operation::Listxattr { size: 10 }),
        (Opcode::Interrupt, Operation::Interrupt { unique: 8 }),
        (Opcode::Mkdir, Operation::Modify(Opcode::Mkdir)),
        (Opcode::Statx, Operation::Unserved(Opcode::Statx)),
    ];
    for (opcode, expected) in cases {
        assert_eq!(decode(&read(opcode)).unwrap().1, expected);
    }
    let owned = ReadIn { read_flags: READ_LOCKOWNER, ..ReadIn::default() };
    let bytes = message(Opcode::Read.number(), owned.as_bytes());
    assert!(matches!(decode(&bytes), Ok((_, Operation::Read(_, ReadInto::Program)))));
    let bytes = read(Opcode::BatchForget);
    let Operation::BatchForget(forgets) = decode(&bytes).unwrap().1 else { panic!("no batch") };
    assert_eq!(forgets.iter().collect::<Vec<_>>(), [(5, 1), (6, 3)]);
}

#[test]
fn arguments_cut_short_anywhere_are_answerable() {
    for opcode in with_arguments() {
        let whole = arguments(opcode);
        for length in 0..whole.len() {
            if opcode == Opcode::Init && length >= SHORT_INIT {
                continue;
            }
            let bytes = message(opcode.number(), &whole[..length]);
            assert!(
                matches!(decode(&bytes), Err(DecodeError::Arguments(header)) if header.unique == 8),
                "{opcode:?} of {length}"
            );
        }
    }
}

#[test]
fn an_old_init_has_no_second_flags() {
    let init = InitIn { major: 7, minor: 31, flags: 5, flags2: 6, ..InitIn::default() };
    let bytes = message(Opcode::Init.number(), &init.as_bytes()[..SHORT_INIT]);
    let Operation::Init(hello) = decode(&bytes).unwrap().1 else { panic!("no INIT") };
    assert_eq!((hello.minor, hello.flags), (31, 5));
    let bytes = message(Opcode::Init.number(), init.as_bytes());
    let Operation::Init(hello) = decode(&bytes).unwrap().1 else { panic!("no INIT") };
    assert_eq!(hello.flags, 5 | (6 << 32));
}

#[test]
fn extensions_are_not_arguments() {
    let mut bytes = message(Opcode::Lookup.number(), b"abc\0xxxxxxxx");
    bytes[36] = 1;
    assert_eq!(decode(&bytes).unwrap().1, Operation::Lookup { name: b"abc" });
    bytes[36] = 3;
    assert!(matches!(decode(&bytes), Err(DecodeError::Arguments(_))));
}

#[test]
fn refuses_what_cannot_be_meant() {
    assert_eq!(decode(&[0; 39]), Err(DecodeError::Header { length: 39 }));
    let mut lying = message(Opcode::Getattr.number(), &[]);
    lying.push(0);
    assert!(matches!(decode(&lying), Err(DecodeError::Arguments(_))));
    assert!(matches!(decode(&message(54, &[])), Err(DecodeError::Unknown(_))));
    for name in [&b""[..], b"a", b"a\0b\0", b"a\0\0"] {
        let bytes = message(Opcode::Lookup.number(), name);
        assert!(matches!(decode(&bytes), Err(DecodeError::Arguments(_))), "{name:?}");
    }
    let huge = ReadIn { size: MAX_READ + 1, ..ReadIn::default() };
    let bytes = message(Opcode::Read.number(), huge.as_bytes());
    assert!(matches!(decode(&bytes), Err(DecodeError::Arguments(_))));
    let many = BatchForgetIn { count: u32::MAX, dummy: 0 };
    let bytes = message(Opcode::BatchForget.number(), many.as_bytes());
    assert!(matches!(decode(&bytes), Err(DecodeError::Arguments(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let decoded = decode(&bytes);
        prop_assert_eq!(
            matches!(decoded, Err(DecodeError::Header { .. })),
            bytes.len() < size_of::<InHeader>()
        );
    }

    #[test]
    fn a_damaged_message_is_decoded_or_refused(
        which in 0..Opcode::ALL.len(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<proptest::sample::Index>(),
        mend_length in any::<bool>(),
    ) {
        let opcode = Opcode::ALL[which];
        let mut bytes = message(opcode.number(), &arguments(opcode));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if mend_length && bytes.len() >= 4 {
            let length = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
        }
        match decode(&bytes) {
            Ok((_, Operation::BatchForget(forgets))) => {
                prop_assert!(forgets.iter().count() * 16 <= bytes.len());
            }
            Ok((_, Operation::Lookup { name } | Operation::Getxattr { name, .. })) => {
                prop_assert!(!name.contains(&0));
            }
            Ok((_, Operation::Read(range, _) | Operation::Readdir(range))) => {
                prop_assert!(range.size <= MAX_READ);
            }
            Ok(_) | Err(_) => {}
        }
    }
}
