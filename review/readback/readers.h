/* SPDX-License-Identifier: MIT */
/*
 * readers.h - the readers: a script's text into its form. False after a finding.
 */
#ifndef NWFC_REVIEW_READBACK_READERS_H
#define NWFC_REVIEW_READBACK_READERS_H

#include "review/readback/form.h"

bool read_nft(struct script_form *f);
bool read_ebtables(struct script_form *f);
bool read_iptables(struct script_form *f, bool six);

#endif
