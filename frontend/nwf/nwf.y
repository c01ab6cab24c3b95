/* SPDX-License-Identifier: MIT */
/*
 * The grammar of the nwf language. Actions only build the tree (tree.h); what
 * words mean is not known here. After an error comes the token RESYNC, which is made
 * where the reading can go on (recover.c), and nothing else ends an error.
 */
%require "3.8"
%define api.prefix {nwfy_}
%define api.pure full
%define api.token.prefix {NWF_TOKEN_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {struct nwf_parser *p}
%lex-param {void *scanner}
%parse-param {void *scanner}

%code requires {
#include "frontend/nwf/parser.h"
}

%code provides {
int nwfy_lex(NWFY_STYPE *value, NWFY_LTYPE *at, struct nwf_parser *p, void *scanner);
}

/* What is larger than a word is pointed to: the parser copies these at every step. */
%union {
	struct nwf_word word;
	struct nwf_words words;
	struct nwf_operand *operand;
	struct nwf_operands operands;
	struct nwf_value *value;
	enum nwf_relation relation;
	struct nwf_match *match;
	struct nwf_rule *rule;
	struct nwf_param *param;
	struct nwf_params params;
	struct nwf_statement *statement;
	struct nwf_block *block;
	struct nwf_item *item;
	struct nwf_assertion *assertion;
}

%code {
#define YYLLOC_DEFAULT(cur, rhs, n)                                                                \
	((cur) = (n) ? (struct span){YYRHSLOC(rhs, 1).file, YYRHSLOC(rhs, 1).lo,                   \
				     YYRHSLOC(rhs, n).hi}                                          \
		     : (struct span){YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).hi,                   \
				     YYRHSLOC(rhs, 0).hi})
#define NEW(type, ...)                                                                             \
	({                                                                                         \
		struct type *made = arena_new_object(p->arena, struct type);                       \
		*made = (struct type)__VA_ARGS__;                                                  \
		made;                                                                              \
	})
#define PUSH(vector, item) (*vec_push(p->arena, &(vector)) = (item))

static void nwfy_error(const struct span *at, struct nwf_parser *p, void *scanner, const char *why);
}

%token <word> WORD "a word" STRING "a string" VARIABLE "a variable"
%token <word> HEADER "a protocol" VERB "an action" DIRECTION "a direction" SUB "ip or ether"
%token <word> LABEL "frames: or packets:" STATELESS "stateless" MAC "mac"
%token <word> CHAIN "chain"
%token <word> FILTER "filter" PORT "port" DEFINE "define" INCLUDE "include" USE "use" UUID "uuid"
%token <word> PRIORITY "priority" SOME "some" LEARN "learn" OWNER "owner" LINK "link" MACVTAP "macvtap" IPSET "ipset"
%token <word> ASSERT "assert" EXCEPT "except"
%token NE "!=" LE "<=" GT ">" EQ "=" COMMA "," SLASH "/" DASH "-"
%token RESYNC "the next statement"
%token OPEN "{" CLOSE "}" LEFT "(" RIGHT ")" END_LINE "the end of the line"
%token YYEOF 0 "the end of the text"

%type <word> name chain_name atom sign_word plain prefix
%type <words> atoms words directions
%type <operand> operand
%type <operands> operands
%type <value> value
%type <relation> relation
%type <match> match ipset
%type <rule> rule
%type <param> param
%type <params> params param_list
%type <statement> statement
%type <block> block statements
%type <item> item line
%type <assertion> assertion assert_subject

%%

/* Kept at once: an error at the end of the text loses nothing before it. */
items:
	  %empty
	| items END_LINE
	| items item                        { PUSH(p->out->items, *$2); }
	| items line END_LINE               { PUSH(p->out->items, *$2); }
	| items mended_error                { p->out->broken = true; }
	;

item:
	  FILTER name block                 { $$ = NEW(nwf_item, {NWF_FILTER, @$, .name = $2, .block = *$3}); }
	| PORT name MAC atom block          { $$ = NEW(nwf_item, {NWF_PORT, @$, .name = $2, .mac = $4, .block = *$5}); }
	| FILTER mended_error block         { $$ = NEW(nwf_item, {NWF_FILTER, @$, .block = *$3}); }
	| PORT mended_error block           { $$ = NEW(nwf_item, {NWF_PORT, @$, .block = *$3}); }
	;

line:
	  DEFINE WORD EQ words              { $$ = NEW(nwf_item, {NWF_DEFINE, @$, .name = $2, .values = $4}); }
	| INCLUDE STRING                    { $$ = NEW(nwf_item, {NWF_INCLUDE, @$, .name = $2}); }
	| ASSERT assertion                  { $$ = NEW(nwf_item, {NWF_ASSERT, @$, .assertion = $2}); }
	;

/* Which words demand something, and of whom, is said where they are read (lower_assert.c). */
assert_subject:
	  PORT name                         { $$ = NEW(nwf_assertion, {.subject = $1, .name = $2}); }
	| FILTER name                       { $$ = NEW(nwf_assertion, {.subject = $1, .name = $2}); }
	| WORD PORT                         { $$ = NEW(nwf_assertion, {.every = $1, .subject = $2}); }
	| WORD FILTER                       { $$ = NEW(nwf_assertion, {.every = $1, .subject = $2}); }
	| WORD WORD                         { $$ = NEW(nwf_assertion, {.every = $1, .subject = $2}); }
	;

assertion:
	  assert_subject WORD DIRECTION     { $$ = $1; $$->demand = $2; $$->packets.direction = $3; }
	| WORD WORD DIRECTION               { $$ = NEW(nwf_assertion, {.subject = $1, .demand = $2, .packets.direction = $3}); }
	| assertion match                   { $$ = $1; if ($$->excepts.n) PUSH($$->excepts.items[$$->excepts.n - 1].matches, $2); else PUSH($$->packets.matches, $2); }
	| assertion EXCEPT                  { $$ = $1; PUSH($$->excepts, ((struct nwf_except){.word = $2})); }
	| assertion VERB                    { $$ = $1; PUSH($$->verdicts.list, $2); }
	| assertion STRING                  { $$ = $1; PUSH($$->packets.comments.list, $2); }
	;

block:
	  OPEN statements CLOSE             { $$ = $2; $$->span = @$; }
	| OPEN statements statement CLOSE   { $$ = $2; PUSH($$->list, $3); $$->span = @$; }
	;

statements:
	  %empty                            { $$ = NEW(nwf_block, {0}); }
	| statements END_LINE
	| statements statement END_LINE     { $$ = $1; PUSH($$->list, $2); }
	| statements mended_error           { $$ = $1; $$->broken = true; }
	;

statement:
	  rule                              { $$ = NEW(nwf_statement, {NWF_RULE, @$, .rule = *$1}); }
	| USE name params                   { $$ = NEW(nwf_statement, {NWF_USE, @$, .use = {$2, $3}}); }
	| LABEL                             { $$ = NEW(nwf_statement, {NWF_LABEL, @$, .word = $1}); }
	| CHAIN chain_name                  { $$ = NEW(nwf_statement, {NWF_CHAIN, @$, .word = $2}); }
	| CHAIN chain_name PRIORITY sign_word
					    { $$ = NEW(nwf_statement, {NWF_CHAIN, @$, .word = $2, .more = $4}); }
	| UUID WORD                         { $$ = NEW(nwf_statement, {NWF_UUID, @$, .word = $2}); }
	| param                             { $$ = NEW(nwf_statement, {NWF_PARAM, @$, .param = *$1}); }
	| LEARN WORD                        { $$ = NEW(nwf_statement, {NWF_LEARN, @$, .word = $2}); }
	| OWNER name UUID WORD              { $$ = NEW(nwf_statement, {NWF_OWNER, @$, .word = $2, .more = $4}); }
	| LINK name                         { $$ = NEW(nwf_statement, {NWF_LINK, @$, .word = $2}); }
	| MACVTAP                           { $$ = NEW(nwf_statement, {NWF_MACVTAP, @$, .word = {0}}); }
	| MACVTAP name                      { $$ = NEW(nwf_statement, {NWF_MACVTAP, @$, .word = $2}); }
	;

rule:
	  VERB DIRECTION                    { $$ = NEW(nwf_rule, {.verb = $1, .direction = $2}); }
	| WORD DIRECTION                    { $$ = NEW(nwf_rule, {.verb = $1, .direction = $2}); }
	| rule match                        { $$ = $1; PUSH($$->matches, $2); }
	| rule PRIORITY sign_word           { $$ = $1; PUSH($$->priority.list, $3); }
	| rule STATELESS                    { $$ = $1; PUSH($$->stateless.list, $2); }
	| rule STRING                       { $$ = $1; PUSH($$->comments.list, $2); }
	;

match:
	  HEADER                            { $$ = NEW(nwf_match, {.header = $1, .span = @$}); }
	| HEADER WORD relation value        { $$ = NEW(nwf_match, {.header = $1, .field = $2, .relation = $3, .value = *$4, .span = @$}); }
	| HEADER WORD SUB relation value    { $$ = NEW(nwf_match, {.header = $1, .field = $2, .sub = $3, .relation = $4, .value = *$5, .span = @$}); }
	| ipset
	;

ipset:
	  IPSET relation value              { $$ = NEW(nwf_match, {.relation = $2, .value = *$3, .span = @$}); $$->header = $1; }
	| IPSET relation value directions        { $$ = NEW(nwf_match, {.relation = $2, .value = *$3, .directions = $4, .span = @$}); $$->header = $1; }
	;

relation:
	  %empty                            { $$ = NWF_EQ; }
	| NE                                { $$ = NWF_NE; }
	| NE SOME                           { $$ = NWF_NE_SOME; }
	| GT                                { $$ = NWF_GT; }
	| LE                                { $$ = NWF_LE; }
	| LE SOME                           { $$ = NWF_LE_SOME; }
	;

value:
	  operand                           { $$ = NEW(nwf_value, {.items = {$1, 1, 1}, .span = @$}); }
	| atoms                             { $$ = NEW(nwf_value, {.words = $1, .span = @$}); }
	| atom SLASH atoms                  { $$ = NEW(nwf_value, {.mask = $3, .span = @$}); PUSH($$->words.list, $1); }
	| atoms SLASH atom                  { $$ = NEW(nwf_value, {.words = $1, .span = @$}); PUSH($$->mask.list, $3); }
	| atoms SLASH atoms                 { $$ = NEW(nwf_value, {.words = $1, .mask = $3, .span = @$}); }
	| OPEN nls operands nls CLOSE       { $$ = NEW(nwf_value, {.braces = true, .span = @$}); $$->items.items = $3.list.items; $$->items.n = $3.list.n; }
	;

operands:
	  operand                           { $$ = (struct nwf_operands){0}; PUSH($$.list, *$1); }
	| operands COMMA nls operand        { $$ = $1; PUSH($$.list, *$4); }
	;

operand:
	  atom                              { $$ = NEW(nwf_operand, {.value = $1}); }
	| atom SLASH atom                   { $$ = NEW(nwf_operand, {.value = $1, .mask = $3}); }
	| atom DASH atom                    { $$ = NEW(nwf_operand, {.value = $1, .to = $3}); }
	;

/* Two words and more. */
atoms:
	  atom COMMA nls atom               { $$ = (struct nwf_words){0}; PUSH($$.list, $1); PUSH($$.list, $4); }
	| atoms COMMA nls atom              { $$ = $1; PUSH($$.list, $4); }
	;

atom:
	  WORD
	| STRING
	| VARIABLE
	| HEADER
	;

directions:
	  WORD                              { $$ = (struct nwf_words){0}; PUSH($$.list, $1); }
	| directions COMMA nls WORD         { $$ = $1; PUSH($$.list, $4); }
	;

words:
	  prefix                            { $$ = (struct nwf_words){0}; PUSH($$.list, $1); }
	| words COMMA nls prefix            { $$ = $1; PUSH($$.list, $4); }
	;

/* One text: only LEARN_PREFIX may have it, which is said where values are read. */
prefix:
	  plain
	| plain SLASH WORD                  { $$ = $1; $$.text.len = @3.hi - @1.lo; $$.span.hi = @3.hi; }
	;

/* Where nothing else can stand, reserved words are words like others. */
plain:
	  WORD | HEADER | VERB | DIRECTION | STATELESS | MAC | CHAIN | FILTER | PORT | DEFINE
	| INCLUDE | USE | UUID | PRIORITY | SOME | LEARN | OWNER | LINK | MACVTAP | IPSET
	| ASSERT | EXCEPT
	;

params:
	  %empty                            { $$ = (struct nwf_params){0}; }
	| LEFT param_list RIGHT             { $$ = $2; }
	| LEFT param_list param RIGHT       { $$ = $2; PUSH($$.list, *$3); }
	;

param_list:
	  %empty                            { $$ = (struct nwf_params){0}; }
	| param_list END_LINE
	| param_list param END_LINE         { $$ = $1; PUSH($$.list, *$2); }
	;

param:
	  WORD EQ words                     { $$ = NEW(nwf_param, {$1, $3, @$}); }
	;

name:
	  WORD
	| STRING
	;

chain_name:
	  WORD
	| STRING
	| HEADER
	| MAC
	;

sign_word:
	  WORD
	| DASH WORD                         { $$ = $2; $$.text.len += @2.lo - @1.lo; $$.text.s -= @2.lo - @1.lo; $$.span.lo = @1.lo; }
	;

nls:
	  %empty
	| nls END_LINE
	;

mended_error: error RESYNC                { yyerrok; } ; /* error */

%%

/* Of the parser's own memory. */
static void nwfy_error(const struct span *at, struct nwf_parser *p, void *scanner, const char *why)
{
	(void)scanner;
	diag_add(p->diags, FINDING(E128), *at, "%s", why);
}

static int yyreport_syntax_error(const yypcontext_t *cx, struct nwf_parser *p, void *scanner)
{
	enum { MOST = sizeof((struct nwf_wanted *)0)->names / sizeof(char *) };
	yysymbol_kind_t wanted[MOST];
	struct nwf_wanted names = {0};
	if (p->diags->listed[SEV_ERROR] < p->diags->max) /* else nobody sees it */
		names.n = yypcontext_expected_tokens(cx, wanted, MOST);
	(void)scanner;
	for (int i = 0; i < names.n; i++)
		names.names[i] = yysymbol_name(wanted[i]);
	nwf_syntax_error(p, *yypcontext_location(cx), &names);
	return 0;
}
