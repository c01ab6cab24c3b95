/* SPDX-License-Identifier: MIT */
/*
 * no_icu.c - stands in for ICU when libxml2 is linked in whole.
 *
 * Debian's libxml2 hands encodings that it does not know itself (it knows
 * UTF-8, UTF-16, ISO-8859-1, ASCII) to ICU. Its shared form therefore loads 30
 * MB of ICU and libstdc++ at every start, which takes longer (0.8 of 1.4 ms)
 * than compiling a small filter. Nothing is lost: what libxml2 does not know itself
 * it asks iconv for first.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <unicode/ucnv.h>

UConverter *ucnv_open(const char *name, UErrorCode *error)
{
	*error = U_UNSUPPORTED_ERROR;
	return NULL;
}

void ucnv_close(UConverter *c)
{
}

void ucnv_convertEx(UConverter *to, UConverter *from, char **target, const char *target_limit,
		    const char **source, const char *source_limit, UChar *pivot,
		    UChar **pivot_source, UChar **pivot_target, const UChar *pivot_limit,
		    UBool reset, UBool flush, UErrorCode *error)
{
	*error = U_UNSUPPORTED_ERROR;
}

void ucnv_setFromUCallBack(UConverter *c, UConverterFromUCallback action, const void *context,
			   UConverterFromUCallback *old, const void **old_context,
			   UErrorCode *error)
{
	*error = U_UNSUPPORTED_ERROR;
}

void ucnv_setToUCallBack(UConverter *c, UConverterToUCallback action, const void *context,
			 UConverterToUCallback *old, const void **old_context, UErrorCode *error)
{
	*error = U_UNSUPPORTED_ERROR;
}

void UCNV_FROM_U_CALLBACK_STOP(const void *context, UConverterFromUnicodeArgs *args,
			       const UChar *units, int32_t length, UChar32 point,
			       UConverterCallbackReason reason, UErrorCode *error)
{
}

void UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *args, const char *units,
			     int32_t length, UConverterCallbackReason reason, UErrorCode *error)
{
}
