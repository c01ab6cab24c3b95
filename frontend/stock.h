/* SPDX-License-Identifier: MIT */
/*
 * stock.h - the filters and assertions that come with the program, as text inside it.
 */
#ifndef NWFC_FRONTEND_STOCK_H
#define NWFC_FRONTEND_STOCK_H

struct stock_filter {
	const char *path; /* in the source tree, for messages */
	const char *text;
};

/* Terminated by a NULL path. */
extern const struct stock_filter stock_filters[];

/* Texts of the nwf language that hold assertions alone. */
extern const struct stock_filter stock_assertions[];

#endif
