/* Profiles and key files of the tests of the C header. Cases that are named come from evidence.json,
 * which a second implementation made; the other key files hold the keys of native-schemes.md N13 (master 00 01 .. 1f,
 * created on 2027-01-01) in the form of keys-and-evidence.md E3, written by the same implementation. */
#pragma once

/* The example of native-schemes.md N13: case good-green of evidence.json. */
static const char kProfile[] =
    "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"preserve\",\"zero_temperature\":\"off\"},\"schema\":\"v"
    "erdigris.profile/1\",\"scheme\":{\"normaliser\":\"none/1\",\"planes\":2,\"prf\":\"verdigris/1/aes256\","
    "\"provider_share\":128,\"scheme\":\"green\",\"threshold\":1,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad14"
    "5c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":32000,\"wind"
    "ow\":2}}\n";

/* The same scheme, and so the same keys, with specials plain. */
static const char kProfilePlain[] =
    "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"plain\",\"zero_temperature\":\"off\"},\"schema\":\"verd"
    "igris.profile/1\",\"scheme\":{\"normaliser\":\"none/1\",\"planes\":2,\"prf\":\"verdigris/1/aes256\",\"pr"
    "ovider_share\":128,\"scheme\":\"green\",\"threshold\":1,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad145c0"
    "8f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":32000,\"window\""
    ":2}}\n";

/* evidence.json, profile, version. */
static const char kProfileVersion2[] =
    "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"preserve\",\"zero_temperature\":\"off\"},\"schema\":\"v"
    "erdigris.profile/2\",\"scheme\":{\"normaliser\":\"none/1\",\"planes\":2,\"prf\":\"verdigris/1/aes256\","
    "\"provider_share\":128,\"scheme\":\"green\",\"threshold\":1,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad14"
    "5c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":32000,\"wind"
    "ow\":2}}\n";

/* evidence.json, profile, depth. */
static const char kProfileDepth[] =
    "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"preserve\",\"zero_temperature\":\"off\"},\"schema\":\"v"
    "erdigris.profile/1\",\"scheme\":{\"normaliser\":\"none/1\",\"planes\":2,\"prf\":\"verdigris/1/aes256\","
    "\"provider_share\":128,\"scheme\":\"green\",\"threshold\":1,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad14"
    "5c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],\"vocab\":32000,\"window\":2}}\n";

/* Keys of N13, epoch 3. */
static const char kProvider[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: 090ebcf4285fc5fc\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: 3gjPxEXNSMyxQ3d+mV7QxKpVLkbyhHP1ckEuSy0Y/Iw=\n"
    "mac: dIog3scWW78gdIQN2gqAnahtQ4z3i8binIK0DJtAwGY=\n";

/* Epoch 3. */
static const char kSelector[] =
    "verdigris-secret-key/1\n"
    "role: selector\n"
    "kid: 62901236e5ce7fe4\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: nbtc0TYIt9dc/hcbyHX1i6cUUyBzxnAkhz+XYadMn88=\n"
    "mac: IvOK9k5Nxc92jwps70OsQw2MjQ5KR1jsHx5+oqX6C9w=\n";

/* Epoch 3. */
static const char kAccount7[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: 16b1e2a739223456\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 3\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: PgbRlQSwVVzyBRGNF9YojzwP6VgCahXWSDQ03SAjl2Q=\n"
    "mac: 1T1jTxNHcuFNdoEkK8h1wUYFBWzP0/x9uUT2hhogL9U=\n";

/* Epoch 3, another account. */
static const char kAccount8[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: 9669529ffc432b56\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 3\n"
    "account: acct-8\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: 7jHkD3CYzlImsfy01IWBUaDbVEGRtV4u9/J0ZEAGKhU=\n"
    "mac: V4oEiAadcCBxVYf6JUckQTxnMwGmkRpUJGhjiaZZfKA=\n";

/* Epoch 4. */
static const char kAccount7Epoch4[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: 92d6adc3d2b74902\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 4\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: epkOWCfcnLYFYHOX3i5bo1MIhWO9NHeV2e2KtTqGGtA=\n"
    "mac: kqFjlTuqKjU13+tPVpvWeoe3x1bzASMYSSONX0zjku4=\n";

/* The key above those. */
static const char kEpochKey[] =
    "verdigris-secret-key/1\n"
    "role: epoch\n"
    "kid: 528d83171a7811f9\n"
    "scheme: ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: swv+W1juTmGQ6z0q9kT0/MuvSfp4aKzZosuV6tDTt7w=\n"
    "mac: YSocFBOMGdv1v/SNXKOEfoavT901eRLp+aEQmGxLepc=\n";

/* evidence.json, key file, good-master. */
static const char kMasterKey[] =
    "verdigris-secret-key/1\n"
    "role: master\n"
    "kid: b2d91717081392b2\n"
    "scheme: -\n"
    "epoch: -\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: Vj1HAYAOR7sSixAW+sDucBfr+99ACsjaEHuOfT9ofU4=\n"
    "mac: tL2HBP7I1pgoOYADMaTk0hKbJBDeVVtCjwM7O2YfuX0=\n";

/* evidence.json, key file, good-provider: of another scheme. */
static const char kOtherScheme[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: ce7f3ccbc3e92081\n"
    "scheme: a501f55e12a7b058f67412153f8b782e8ab1e63ce042e67d0e8bce8ca6cdb93a\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: Vj1HAYAOR7sSixAW+sDucBfr+99ACsjaEHuOfT9ofU4=\n"
    "mac: rfke9523SO3Ra9SREhpDhVQbt/Wlk2hwQPyeIn56spU=\n";

/* evidence.json, key file, good-scrypt: passphrase "correct horse". */
static const char kProtected[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: c8390ef4145558b3\n"
    "scheme: a501f55e12a7b058f67412153f8b782e8ab1e63ce042e67d0e8bce8ca6cdb93a\n"
    "epoch: 3\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: scrypt 12 8 1 AAECAwQFBgcICQoLDA0ODw==\n"
    "key: AAECAwQFBgcICQoL9CAs3usSRuKiViORFsoru8+7DlqnBhzTaRYpRgFt8LSW8xJI4naKII+z+CbzJwUF\n"
    "mac: kb08Ou7rbdTu6A/jmTcvscezQNtjVwrswvObR3y37BA=\n";

/* evidence.json, key file, mac: one bit of it. */
static const char kKeyMac[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: c8390ef4145558b3\n"
    "scheme: a501f55e12a7b058f67412153f8b782e8ab1e63ce042e67d0e8bce8ca6cdb93a\n"
    "epoch: 3\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: Vj1HAYAOR7sSixAW+sDucBfr+99ACsjaEHuOfT9ofU4=\n"
    "mac: aXGhvadNE5hnCJrckjit3Sx+6BlWbTbCiihp3QTPwe8=\n";

/* evidence.json, key file, role: unknown. */
static const char kKeyRole[] =
    "verdigris-secret-key/1\n"
    "role: decoy\n"
    "kid: c8390ef4145558b3\n"
    "scheme: a501f55e12a7b058f67412153f8b782e8ab1e63ce042e67d0e8bce8ca6cdb93a\n"
    "epoch: 3\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: Vj1HAYAOR7sSixAW+sDucBfr+99ACsjaEHuOfT9ofU4=\n"
    "mac: qzdrYooMIQlTC+4/k6hx2QzSGYIAiVD1DQrg9N1uLSU=\n";

/* evidence.json, key file, logn-9. */
static const char kKeyLogN9[] =
    "verdigris-secret-key/1\n"
    "role: account\n"
    "kid: c8390ef4145558b3\n"
    "scheme: a501f55e12a7b058f67412153f8b782e8ab1e63ce042e67d0e8bce8ca6cdb93a\n"
    "epoch: 3\n"
    "account: acct-7\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: scrypt 9 8 1 AAECAwQFBgcICQoLDA0ODw==\n"
    "key: AAECAwQFBgcICQoL9CAs3usSRuKiViORFsoru8+7DlqnBhzTaRYpRgFt8LSW8xJI4naKII+z+CbzJwUF\n"
    "mac: kb08Ou7rbdTu6A/jmTcvscezQNtjVwrswvObR3y37BA=\n";

/* A vocabulary that is no multiple of 8 or 128, h 3, one layer, specials plain. */
static const char kProfileSmall[] =
    "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"plain\",\"zero_temperature\":\"argmax\"},\"schema\":\"v"
    "erdigris.profile/1\",\"scheme\":{\"normaliser\":\"none/1\",\"planes\":1,\"prf\":\"verdigris/1/aes256\","
    "\"provider_share\":256,\"scheme\":\"green\",\"threshold\":1,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad14"
    "5c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[0,2],[50,50],[990,995]],\""
    "vocab\":1000,\"window\":3}}\n";

/* Its key. */
static const char kProviderSmall[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: 249a6417b115f9f7\n"
    "scheme: 57db75c17a14d6682710f5d472bae31990e23cb2ab1a28187cfab6f28c582acc\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: LKx5yh7A5voTa86cPYt8qwQM36iCO4do74zDor32P7Y=\n"
    "mac: 4u5SazVsRfomjCJLFV6bAYvmddeBNxS4kddl5QcQbrc=\n";

/* The word schemes, one layer: the scheme object of N13 with another scheme, and N13's provider key in a file that names
 * the scheme, so that N13's numbers are theirs. */
static const char kProfileGumbel[] =
    "{\"sampler\":{\"specials\":\"preserve\"},\"schema\":\"verdigris.profile/1\",\"scheme\":{\"norma"
    "liser\":\"none/1\",\"prf\":\"verdigris/1/aes256\",\"provider_share\":256,\"scheme\":\"gumbel\","
    "\"tokenizer_sha256\":\"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unm"
    "arked_ids\":[[0,2]],\"vocab\":32000,\"window\":2}}\n";
static const char kProviderGumbel[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: 090ebcf4285fc5fc\n"
    "scheme: f8ae2af799c3306b0263d426f45ab510414e920eff1abcbc72bcb0d9eeeeac2c\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: 3gjPxEXNSMyxQ3d+mV7QxKpVLkbyhHP1ckEuSy0Y/Iw=\n"
    "mac: FAUXrYCc3WFzvf0TeeZsjIIlfbb46H0NFIasr9Ej2Eg=\n";
static const char kProfileTournament[] =
    "{\"sampler\":{\"specials\":\"preserve\"},\"schema\":\"verdigris.profile/1\",\"scheme\":{\"layer"
    "s\":30,\"normaliser\":\"none/1\",\"prf\":\"verdigris/1/aes256\",\"provider_share\":256,\"scheme"
    "\":\"tournament\",\"tokenizer_sha256\":\"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f88"
    "5646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":32000,\"window\":2}}\n";
static const char kProviderTournament[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: 090ebcf4285fc5fc\n"
    "scheme: de3a8e758dcd87088957ed47b26ccd9508b23a91589917eebe8300cf032c3c4f\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: 3gjPxEXNSMyxQ3d+mV7QxKpVLkbyhHP1ckEuSy0Y/Iw=\n"
    "mac: muBdhZO71J6O8F60qrreojN+WUP/GFPGWSSm0r4XcYE=\n";
static const char kProfileMultichannel[] =
    "{\"sampler\":{\"specials\":\"preserve\"},\"schema\":\"verdigris.profile/1\",\"scheme\":{\"norma"
    "liser\":\"none/1\",\"prf\":\"verdigris/1/aes256\",\"provider_share\":256,\"scheme\":\"multichan"
    "nel\",\"segments\":20,\"tokenizer_sha256\":\"5b5df56ea0c5a2ad145c08f6f3f2281ff911e7522157919652"
    "7f885646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":32000,\"window\":2}}\n";
static const char kProviderMultichannel[] =
    "verdigris-secret-key/1\n"
    "role: provider\n"
    "kid: 090ebcf4285fc5fc\n"
    "scheme: 48d9103e82137e4969f192e1c0cdd94c98ef3aacbfa1e428c9e3f7af8b774414\n"
    "epoch: 3\n"
    "account: -\n"
    "created: 2027-01-01T00:00:00Z\n"
    "enc: none\n"
    "key: 3gjPxEXNSMyxQ3d+mV7QxKpVLkbyhHP1ckEuSy0Y/Iw=\n"
    "mac: aZKm2yB6P9KtGKxvT+Q3t8eQkhZGldg5ig2EhYm6ZA0=\n";
