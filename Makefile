# SPDX-License-Identifier: MIT
#
#   make            build/nwfc and build/learnd
#   make demo-learn learning on a bridge, step by step
#   make demo-network  each network of examples/networks in namespaces: who reaches whom
#   make demo       the stock filter clean-traffic for one port, to every target
#   make check      build and run all tests (SUITES='unit cli': these alone)
#   make check-vm   the packet tests under Debian's own kernel
#   make bench      the benchmarks
#   make fuzz       the fuzzers, until interrupted
#   make install    PREFIX, DESTDIR; make uninstall
#
# What is missing is installed through apt by `make deps`, which demo and check
# run first; when nothing is missing apt is not touched.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
BUILD   ?= build
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

PACKAGES_BUILD = gcc make pkg-config libxml2-dev zlib1g-dev liblzma-dev flex bison \
                 libpcap-dev libmnl-dev libcap-ng-dev libseccomp-dev libsystemd-dev libbdd-dev libjansson-dev
PACKAGES_CHECK = $(PACKAGES_BUILD) libcmocka-dev clang libclang-rt-14-dev nftables iptables ebtables iproute2 \
                 ipset kmod python3 libxml2-utils man-db dnsmasq-base udhcpc libseccomp2 \
                 isc-dhcp-client isc-dhcp-server kea-dhcp4-server kea-dhcp6-server radvd graphviz python3-yaml git patch chromium
PACKAGES_VM    = qemu-system-x86 busybox-static

WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
XML_FLAGS := $(shell pkg-config --cflags libxml-2.0 2>/dev/null || echo -I/usr/include/libxml2)
# libxml2 is linked in whole, without ICU, where that can be done: starting the
# shared one takes longer than a small compile (frontend/static/no_icu.c).
# XML=shared has the shared one.
find_lib   = $(filter /%,$(shell $(CC) -print-file-name=$(1)))
ifeq ($(XML),)
XML       := $(if $(and $(call find_lib,libxml2.a),$(call find_lib,libz.a),$(call find_lib,liblzma.a),$(wildcard /usr/include/unicode/ucnv.h)),static,shared)
endif
comma     := ,
XML_SHARED := $(shell pkg-config --libs libxml-2.0 2>/dev/null || echo -lxml2)
XML_OBJ   := $(if $(filter static,$(XML)),$(BUILD)/obj/frontend/static/no_icu.o)
XML_LIBS  := $(if $(filter static,$(XML)),-Wl$(comma)-Bstatic -lxml2 -lz -llzma -Wl$(comma)-Bdynamic -lm,$(XML_SHARED))
ALL_CFLAGS = -std=gnu11 $(WARN) -I. -I$(BUILD)/gen $(XML_FLAGS) $(CFLAGS) -MMD -MP -DNWFC_VERSION='"$(VERSION)"'

DIRS = base ir frontend backends review
# Decision diagrams; static as well, where it can be.
BDD_LIBS := $(or $(call find_lib,libbdd.a),-lbdd) -lm
JSON_LIBS := $(or $(call find_lib,libjansson.a),-ljansson)
LIB_SRC  := $(sort $(foreach d,$(DIRS),$(filter-out frontend/static/%,$(wildcard $(d)/*.c $(d)/*/*.c))))
NWFC_SRC := $(sort $(wildcard nwfc/*.c))
LEARND_SRC := $(sort $(wildcard learnd/*.c))
LEARND_OBJ  = $(LEARND_SRC:%.c=$(BUILD)/obj/%.o)
BASE_OBJ    = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard base/*.c)))
LEARND_LIBS = -lpcap -lmnl -lseccomp -lcap-ng -lsystemd
GEN_SRC   = $(BUILD)/gen/stock_filters.c $(BUILD)/gen/stock_assertions.c
GEN_TEXT  = $(BUILD)/gen/xtables_scripts.c
GEN_NWF   = $(BUILD)/gen/nwf_grammar.c $(BUILD)/gen/nwf_scanner.c
LIB_OBJ   = $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(GEN_SRC:.c=.o) $(GEN_TEXT:.c=.o) $(GEN_NWF:.c=.o)
GEN_EXPLAIN = $(BUILD)/gen/explanations.c
NWFC_OBJ  = $(NWFC_SRC:%.c=$(BUILD)/obj/%.o) $(GEN_EXPLAIN:.c=.o)
STOCK    := $(sort $(wildcard examples/filters/*.xml))
READY    := $(sort $(wildcard examples/assertions/*.nwf))

.PHONY: all deps deps-check demo demo-learn demo-network check check-vm bench fuzz install uninstall clean format update-goldens units threads
all: $(BUILD)/nwfc $(BUILD)/learnd

# V=1 shows the commands.
V ?= 0
say_0 = @echo "  $(1)  $@";
say   = $(call say_$(V),$(1))

$(BUILD)/nwfc: $(NWFC_OBJ) $(BUILD)/libnwfc.a $(XML_OBJ)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(NWFC_OBJ) $(BUILD)/libnwfc.a $(XML_OBJ) $(XML_LIBS) $(BDD_LIBS) $(JSON_LIBS)

$(BUILD)/learnd: $(LEARND_OBJ) $(BASE_OBJ)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LEARND_LIBS)

$(BUILD)/liblearnd.a: $(filter-out %/main.o,$(LEARND_OBJ))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BUILD)/libnwfc.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call say,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/gen/stock_filters.c: scripts/embed-filters.sh $(STOCK)
	@mkdir -p $(@D)
	sh scripts/embed-filters.sh stock_filters $(STOCK) >$@.tmp && mv $@.tmp $@
$(BUILD)/gen/stock_assertions.c: scripts/embed-filters.sh $(READY)
	@mkdir -p $(@D)
	sh scripts/embed-filters.sh stock_assertions $(READY) >$@.tmp && mv $@.tmp $@

EXPLAIN_TEXTS = $(sort $(wildcard docs/explain/*.txt))
$(GEN_EXPLAIN): scripts/embed-explanations.sh $(EXPLAIN_TEXTS)
	@mkdir -p $(@D)
	sh scripts/embed-explanations.sh $(EXPLAIN_TEXTS) >$@.tmp && mv $@.tmp $@

# A conflict in the grammar fails the build.
$(BUILD)/gen/nwf_grammar.c: frontend/nwf/nwf.y
	@mkdir -p $(@D)
	$(call say,BISON)bison -Werror --defines=$(BUILD)/gen/nwf_grammar.h -o $@ $<
$(BUILD)/gen/nwf_grammar.h: $(BUILD)/gen/nwf_grammar.c ;
$(BUILD)/gen/nwf_scanner.c: frontend/nwf/nwf.l $(BUILD)/gen/nwf_grammar.c
# -CF would be as fast, but its tables are read beyond their end.
	$(call say,FLEX)flex -Cfe -o $@ $<
$(filter $(BUILD)/obj/frontend/nwf/%,$(LIB_OBJ)): | $(BUILD)/gen/nwf_grammar.h

XT_SCRIPTS = $(sort $(wildcard backends/xtables/*.sh))
OTHER_SCRIPTS = backends/prelude.sh backends/bridge/bridge.sh
$(GEN_TEXT): scripts/embed-text.sh $(XT_SCRIPTS) $(OTHER_SCRIPTS)
	@mkdir -p $(@D)
	{ sh scripts/embed-text.sh xtables_ $(XT_SCRIPTS) && sh scripts/embed-text.sh script_ $(OTHER_SCRIPTS); } \
		>$@.tmp && mv $@.tmp $@

deps:
	@sh scripts/install-packages.sh $(PACKAGES_BUILD)
deps-check:
	@sh scripts/install-packages.sh $(PACKAGES_CHECK)

# Unit tests: each testsuite/unit/test_*.c is a program.
UNITS := $(patsubst testsuite/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard testsuite/unit/test_*.c)))
units: $(UNITS)
$(BUILD)/unit/%: testsuite/unit/%.c $(BUILD)/libnwfc.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -Wno-unused-parameter $(LDFLAGS) -o $@ $< $(BUILD)/libnwfc.a $(XML_SHARED) $(BDD_LIBS) -lcmocka -lpthread
$(BUILD)/unit/test_learnd_%: testsuite/unit/test_learnd_%.c $(BUILD)/liblearnd.a $(BUILD)/libnwfc.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -Wno-unused-parameter $(LDFLAGS) -o $@ $< $(BUILD)/liblearnd.a $(BUILD)/libnwfc.a $(LEARND_LIBS) $(BDD_LIBS) -lcmocka
threads: $(BUILD)/threads
$(BUILD)/threads: testsuite/threads/threads.c $(BUILD)/libnwfc.a
	$(call say,CC)$(CC) $(ALL_CFLAGS) -Wno-unused-parameter $(LDFLAGS) -o $@ $< $(BUILD)/libnwfc.a $(XML_SHARED) $(BDD_LIBS) -lpthread

check: deps-check
	@$(MAKE) --no-print-directory all units
	@sh scripts/check.sh $(SUITES)
check-vm:
	@sh scripts/install-packages.sh $(PACKAGES_CHECK) $(PACKAGES_VM)
	@$(MAKE) --no-print-directory all
	@sh scripts/check-vm.sh
update-goldens: all
	python3 -B testsuite/golden/run.py --nwfc $(BUILD)/nwfc --update

# The tools are optimised whatever CFLAGS says: they are what nwfc is measured by.
BENCH_TOOLS = $(addprefix $(BUILD)/bench/,alternate frames guests limit listen)
$(BUILD)/bench/%: testsuite/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -std=gnu11 $(WARN) -O2 -o $@ $< $(if $(filter listen,$(@F)),-lpcap)
bench: deps-check
	@$(MAKE) --no-print-directory all $(BENCH_TOOLS)
	python3 -B testsuite/bench/bench.py --nwfc $(BUILD)/nwfc --learnd $(BUILD)/learnd --tools $(BUILD)/bench --out $(BUILD)/bench.txt
fuzz: deps-check
	sh testsuite/fuzz/run.sh

demo:
	@sh scripts/install-packages.sh $(PACKAGES_BUILD)
	@$(MAKE) --no-print-directory $(BUILD)/nwfc
	@sh scripts/demo.sh $(BUILD)

demo-learn:
	@sh scripts/install-packages.sh $(PACKAGES_BUILD) nftables iproute2 dnsmasq-base udhcpc python3
	@$(MAKE) --no-print-directory all
	@sh scripts/demo-learn.sh $(BUILD)

demo-network:
	@sh scripts/install-packages.sh $(PACKAGES_BUILD) nftables iptables iproute2 dnsmasq-base udhcpc python3
	@$(MAKE) --no-print-directory $(BUILD)/nwfc
	@python3 -B testsuite/network/examples.py --nwfc $(BUILD)/nwfc --show

# Uninstalling removes these files and the folders that are ours alone.
BINDIR  = $(DESTDIR)$(PREFIX)/bin
SBINDIR = $(DESTDIR)$(PREFIX)/sbin
# systemd looks for these in /usr/local/lib and /usr/lib.
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(DESTDIR)$(PREFIX)/lib/sysusers.d
TMPFILESDIR = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
MANDIR  = $(DESTDIR)$(PREFIX)/share/man
DATADIR = $(DESTDIR)$(PREFIX)/share/nwfc
DOCDIR  = $(DESTDIR)$(PREFIX)/share/doc/nwfc
# Completion for the shells, and vim's syntax, are made from the program's tables.
SHAREDIR = $(DESTDIR)$(PREFIX)/share
COMPLETIONS = bash:bash-completion/completions/nwfc zsh:zsh/site-functions/_nwfc \
              fish:fish/vendor_completions.d/nwfc.fish vim:vim/vimfiles/syntax/nwf.vim
FTDETECT = $(SHAREDIR)/vim/vimfiles/ftdetect/nwf.vim
DOCS    = README.md INSTALL LICENSE docs/semantics.md docs/differences.md
MANUALS = nwfc.1 nwfc.5 learnd.8
MANUAL_FILES = $(foreach m,$(MANUALS),$(MANDIR)/man$(lastword $(subst ., ,$(m)))/$(m))

install: $(BUILD)/nwfc $(BUILD)/learnd
	install -d $(BINDIR) $(SBINDIR) $(DATADIR)/filters $(DATADIR)/assertions $(DOCDIR)/docs $(sort $(dir $(MANUAL_FILES)))
	install -d $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR)
	install -m 755 $(BUILD)/nwfc $(BINDIR)/nwfc
	install -m 755 $(BUILD)/learnd $(SBINDIR)/learnd
	install -m 644 systemd/sysusers.conf $(SYSUSERSDIR)/learnd.conf
	install -m 644 systemd/tmpfiles.conf $(TMPFILESDIR)/learnd.conf
	sed 's|/usr/local/|$(PREFIX)/|g' systemd/learnd.service >$(UNITDIR)/learnd.service
	chmod 644 $(UNITDIR)/learnd.service
	install -m 644 $(STOCK) $(DATADIR)/filters
	install -m 644 $(READY) $(DATADIR)/assertions
	install -m 644 examples/tour.nwf $(DATADIR)
	for c in $(COMPLETIONS); do \
		install -d $$(dirname $(SHAREDIR)/$${c#*:}) && $(BUILD)/nwfc completion $${c%%:*} >$(SHAREDIR)/$${c#*:} || exit; \
	done
	install -d $(dir $(FTDETECT))
	echo 'au BufRead,BufNewFile *.nwf setfiletype nwf' >$(FTDETECT)
	for f in $(DOCS); do install -m 644 $$f $(DOCDIR)/$$f || exit; done
	set -e; for f in $(MANUAL_FILES); do \
		sed 's|/usr/local/|$(PREFIX)/|g' man/$${f##*/} >$$f; \
		chmod 644 $$f; \
	done

uninstall:
	rm -f $(BINDIR)/nwfc $(SBINDIR)/learnd $(MANUAL_FILES)
	rm -f $(UNITDIR)/learnd.service $(SYSUSERSDIR)/learnd.conf $(TMPFILESDIR)/learnd.conf
	rm -f $(foreach c,$(COMPLETIONS),$(SHAREDIR)/$(lastword $(subst :, ,$(c)))) $(FTDETECT) $(DATADIR)/tour.nwf
	rm -f $(addprefix $(DATADIR)/assertions/,$(notdir $(READY)))
	rm -f $(addprefix $(DATADIR)/filters/,$(notdir $(STOCK))) $(addprefix $(DOCDIR)/,$(DOCS))
	rmdir $(DATADIR)/filters $(DATADIR)/assertions $(DATADIR) $(DOCDIR)/docs $(DOCDIR) 2>/dev/null || true

clean:
	rm -rf build

format:
	clang-format -i $(wildcard base/*.[ch] learnd/*.[ch] ir/*.[ch] frontend/*.[ch] backends/*.[ch] backends/*/*.[ch] nwfc/*.[ch] review/*.[ch])

-include $(LIB_OBJ:.o=.d) $(NWFC_OBJ:.o=.d) $(LEARND_OBJ:.o=.d) $(UNITS:=.d) $(BUILD)/threads.d
