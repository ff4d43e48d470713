/* losslab_html.c: the page around the report: its style and what stands between the plots. */
#include "losslab_html.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const style =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1b1b;--soft:#5c5c5c;--rule:#d9d9d9;"
    "--box:#f5f5f3;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#a8548a;--c4:#b47b00;--c5:#3a93c4;"
    "--c6:#333;--c7:#8a7f00}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#16181b;--ink:#e8e8e6;--soft:#a6a6a2;"
    "--rule:#3a3d42;--box:#1f2226;--c0:#5db5ea;--c1:#ff8a3d;--c2:#2fd0a0;--c3:#e39ac5;"
    "--c4:#f0b429;--c5:#9ad4f5;--c6:#d0d0d0;--c7:#f0e442}}\n"
    "@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--rule:#ccc;--box:#fff}"
    "section,figure,table{break-inside:avoid}}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"
    "-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "main{max-width:1080px;margin:0 auto;padding:1rem 1.1rem 4rem}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:1.2rem 0 .4rem}"
    "h2{font-size:1.3rem;margin:2.8rem 0 .4rem;padding-top:.6rem;border-top:2px solid var(--ink)}"
    "a{color:var(--c0)}h3{font-size:1.05rem;margin:1.6rem 0 .3rem}p{margin:.4rem "
    "0;max-width:46rem}\n"
    ".soft,figcaption{color:var(--soft);font-size:.9rem}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));"
    "gap:1.2rem 1.6rem;margin:.8rem 0;align-items:start}\n"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));"
    "gap:.8rem;margin:.8rem 0}.pictures img{width:100%;height:auto;border-radius:3px}\n"
    "figure{margin:0}.wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:.28rem .8rem .28rem 0;text-align:left;border-bottom:1px solid var(--rule);"
    "vertical-align:top}th{font-weight:600;vertical-align:bottom}.keep "
    "td:first-child{white-space:nowrap}td.n,th.n{text-align:right}"
    "td.n{white-space:nowrap}\n"
    ".ask{background:var(--box);padding:.5rem .9rem;border-left:3px solid var(--c0);margin:.6rem 0}"
    "\n.tag{white-space:nowrap;font-weight:600}.holds{color:var(--c2)}.not{color:var(--c1)}"
    ".unclear{color:var(--soft)}ul{padding-left:1.2rem;max-width:46rem}li{margin:.35rem 0}\n"
    "svg{width:100%;height:auto;display:block;overflow:visible}"
    "svg text{fill:var(--ink);font-family:inherit}.title{font-size:14px;font-weight:600}"
    ".tick{font-size:12px}.label{font-size:12.5px}svg .tick{fill:var(--ink)}"
    ".grid{stroke:var(--rule);stroke-width:.7;fill:none}"
    ".axis{stroke:var(--ink);stroke-width:1;fill:none}\n"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round}.i{fill:none;stroke-width:1.3}"
    ".e{fill:none;stroke:var(--ink);stroke-width:1.4}.v{fill:none;stroke:var(--soft)}"
    ".b{stroke:none;opacity:.55}\n";

void lab_html_begin(FILE *file) {
    static const char *const dashes[] = {"none", "7 3",      "2 3",     "9 3 2 3",
                                         "4 2",  "12 3 3 3", "1.5 1.5", "14 4"};
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<title>Losslab: background's dominance</title>\n<style>\n",
          file);
    fputs(style, file);
    for (int i = 0; i < 8; i++)
        fprintf(file,
                ".l.s%d,.i.s%d{stroke:var(--c%d)}.m.s%d,.b.s%d{fill:var(--c%d)}"
                ".l.d%d{stroke-dasharray:%s}\n",
                i, i, i, i, i, i, i, dashes[i]);
    fputs(".m.s7{fill:none;stroke:var(--c7);stroke-width:2}\n"
          "</style></head><body><main>\n<h1>What a loss makes of background's dominance</h1>\n",
          file);
}

void lab_html_end(FILE *file) {
    fprintf(file,
            "<p class=\"soft\">Made by losslab %s from the tables beside this page; every number "
            "and verdict above is computed from them.</p>\n</main></body></html>\n",
            RN_VERSION);
}

void lab_html_text(FILE *file, const char *format, ...) {
    va_list args;
    va_start(args, format);
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            lab_put_html(file, va_arg(args, const char *));
            p++;
        } else {
            putc(*p, file);
        }
    }
    va_end(args);
}

/* ---- pictures ---- */

static void put_base64(FILE *file, const uint8_t *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const unsigned b1 = i + 1 < n ? bytes[i + 1] : 0, b2 = i + 2 < n ? bytes[i + 2] : 0;
        const unsigned bits = (unsigned)bytes[i] << 16 | b1 << 8 | b2;
        putc(digits[bits >> 18], file);
        putc(digits[bits >> 12 & 63], file);
        putc(i + 1 < n ? digits[bits >> 6 & 63] : '=', file);
        putc(i + 2 < n ? digits[bits & 63] : '=', file);
    }
}

bool lab_html_picture(FILE *file, const char *path, const char *caption) {
    enum { MOST = 4 << 20 };
    FILE *picture = fopen(path, "rb");
    uint8_t *bytes = picture ? malloc(MOST) : NULL;
    const size_t n = bytes ? fread(bytes, 1, MOST, picture) : 0;
    const bool ok = n > 0 && n < MOST;
    if (ok) {
        fputs("<figure><img alt=\"", file);
        lab_put_html(file, caption);
        fputs("\" src=\"data:image/jpeg;base64,", file);
        put_base64(file, bytes, n);
        lab_html_text(file, "\"><figcaption>%s</figcaption></figure>\n", caption);
    }
    free(bytes);
    if (picture) fclose(picture);
    return ok;
}
