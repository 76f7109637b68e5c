/*
 * model/observable_wallet.h - addresses of crypto-currencies, each by its own checksum, so that a typing fault or a random word is none:
 *   base58check (Bitcoin 1... and 3..., Litecoin, Dogecoin, Dash, Zcash t..., Tron): as written;
 *   bech32 and bech32m, BIP 173 and 350 (Bitcoin bc1..., Litecoin ltc1...): lower case;
 *   Ethereum and its kin, 0x and 40 digits: lower case; mixed case is a checksum (EIP-55) and must fit;
 *   Monero (4..., 8...): as written.
 */
#ifndef CIRT_MODEL_OBSERVABLE_WALLET_H
#define CIRT_MODEL_OBSERVABLE_WALLET_H

#include "base/mem.h"

/* The normal form, or NULL. "bitcoin:...?amount=1" and the like are read as their address. */
const char *observable_wallet(struct arena *arena, const char *text);

#endif
