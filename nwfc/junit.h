/* SPDX-License-Identifier: MIT */
/*
 * junit.h - results of tests in the XML that CI servers read (JUnit's, as Jenkins, GitLab
 * and GitHub's actions take it).
 */
#ifndef NWFC_NWFC_JUNIT_H
#define NWFC_NWFC_JUNIT_H

#include "base/buf.h"

/* Text or a value of an attribute; what XML can not hold becomes U+FFFD. */
void junit_text(struct buf *out, struct str s);

/* ` name="text"` */
void junit_attribute(struct buf *out, const char *name, struct str text);

#endif
