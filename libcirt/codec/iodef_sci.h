/* codec/iodef_sci.h - structured cybersecurity information (RFC 7203) in a Method: what of it are observables. */
#ifndef CIRT_CODEC_IODEF_SCI_H
#define CIRT_CODEC_IODEF_SCI_H

#include "codec/iodef_sight.h"

/* Vulnerability, AttackPattern and Weakness, which stand in the Method itself (v2) or in its AdditionalData (v1): CVE ids and, of MMDEF
 * (IEEE malware metadata), names and digests of files. The rest of them is left for `extra`. False only with err set. */
bool iodef_sci_sight(struct iodef_sight *sight, struct xml_element *method) MUST_CHECK;

#endif
