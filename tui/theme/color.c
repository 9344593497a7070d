#include "theme/color.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

const char *vision_name(enum vision vision)
{
    static const char *const names[VISION_COUNT] = {"normal", "protan", "deutan", "tritan"};

    return names[vision];
}

static const int cube_steps[] = {0, 95, 135, 175, 215, 255};

struct rgb color_rgb(int number)
{
    static const struct rgb basic[16] = {
        {0, 0, 0},     {205, 0, 0},     {0, 205, 0},     {205, 205, 0},   {0, 0, 238}, {205, 0, 205},
        {0, 205, 205}, {229, 229, 229}, {127, 127, 127}, {255, 0, 0},     {0, 255, 0}, {255, 255, 0},
        {92, 92, 255}, {255, 0, 255},   {0, 255, 255},   {255, 255, 255},
    };

    if (number < 16)
        return basic[number < 0 ? 0 : number];
    if (number >= 232) {
        uint8_t grey = (uint8_t)(8 + 10 * ((number > 255 ? 255 : number) - 232));
        return (struct rgb){grey, grey, grey};
    }
    number -= 16;
    return (struct rgb){(uint8_t)cube_steps[number / 36], (uint8_t)cube_steps[number / 6 % 6],
                        (uint8_t)cube_steps[number % 6]};
}

static int square(int n)
{
    return n * n;
}

/* The 6×6×6 cube or the grey ramp, whichever is nearer. */
int16_t color_nearest(struct rgb color)
{
    int rgb[] = {color.red, color.green, color.blue}, cube[3], grey = (rgb[0] + rgb[1] + rgb[2]) / 3, ramp;
    int d_cube = 0, d_grey = 0;

    for (int i = 0; i < 3; i++) {
        cube[i] = 0;
        for (int k = 1; k < 6; k++)
            if (abs(cube_steps[k] - rgb[i]) < abs(cube_steps[cube[i]] - rgb[i]))
                cube[i] = k;
        d_cube += square(cube_steps[cube[i]] - rgb[i]);
    }
    ramp = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
    for (int i = 0; i < 3; i++)
        d_grey += square(8 + 10 * ramp - rgb[i]);
    if (d_grey < d_cube)
        return (int16_t)(232 + ramp);
    return (int16_t)(16 + 36 * cube[0] + 6 * cube[1] + cube[2]);
}

/* sRGB, IEC 61966-2-1. */
static double to_linear(uint8_t c)
{
    double v = c / 255.0;

    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static uint8_t from_linear(double v)
{
    v = v < 0 ? 0 : v > 1 ? 1 : v;
    v = v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
    return (uint8_t)lround(v * 255);
}

static double luminance(struct rgb c)
{
    return 0.2126 * to_linear(c.red) + 0.7152 * to_linear(c.green) + 0.0722 * to_linear(c.blue);
}

double color_contrast(struct rgb a, struct rgb b)
{
    double la = luminance(a), lb = luminance(b);

    return la > lb ? (la + 0.05) / (lb + 0.05) : (lb + 0.05) / (la + 0.05);
}

struct rgb color_seen(struct rgb color, enum vision vision)
{
    static const double seen[VISION_COUNT][3][3] = {
        [VISION_NORMAL] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
        [VISION_PROTAN] = {{0.152286, 1.052583, -0.204868},
                           {0.114503, 0.786281, 0.099216},
                           {-0.003882, -0.048116, 1.051998}},
        [VISION_DEUTAN] = {{0.367322, 0.860646, -0.227968},
                           {0.280085, 0.672501, 0.047413},
                           {-0.011820, 0.042940, 0.968881}},
        [VISION_TRITAN] = {{1.255528, -0.076749, -0.178779},
                           {-0.078411, 0.930809, 0.147602},
                           {0.004733, 0.691367, 0.303900}},
    };
    double in[] = {to_linear(color.red), to_linear(color.green), to_linear(color.blue)}, out[3];

    for (int i = 0; i < 3; i++)
        out[i] = seen[vision][i][0] * in[0] + seen[vision][i][1] * in[1] + seen[vision][i][2] * in[2];
    return (struct rgb){from_linear(out[0]), from_linear(out[1]), from_linear(out[2])};
}

static double lab_root(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

/* CIELAB under D65. */
static struct lab to_lab(struct rgb c)
{
    double r = to_linear(c.red), g = to_linear(c.green), b = to_linear(c.blue);
    double x = lab_root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    double y = lab_root(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    double z = lab_root((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);

    return (struct lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static double radians(double degrees)
{
    return degrees * PI / 180;
}

/* Hue of a colour in degrees 0 … 360; 0 for grey. */
static double hue(double a, double b)
{
    double h = a == 0 && b == 0 ? 0 : atan2(b, a) * 180 / PI;

    return h < 0 ? h + 360 : h;
}

static double mean_hue(double h1, double h2, double chromas)
{
    if (chromas == 0)
        return h1 + h2;
    if (fabs(h1 - h2) <= 180)
        return (h1 + h2) / 2;
    return h1 + h2 < 360 ? (h1 + h2 + 360) / 2 : (h1 + h2 - 360) / 2;
}

/* The formula and its names are those of Sharma, Wu, Dalal 2005. */
double color_lab_distance(struct lab x, struct lab y)
{
    double c7 = pow((hypot(x.a, x.b) + hypot(y.a, y.b)) / 2, 7),
           g = 0.5 * (1 - sqrt(c7 / (c7 + 6103515625.0)));
    double a1 = (1 + g) * x.a, a2 = (1 + g) * y.a, c1 = hypot(a1, x.b), c2 = hypot(a2, y.b);
    double h1 = hue(a1, x.b), h2 = hue(a2, y.b), dh = c1 * c2 == 0 ? 0 : h2 - h1;
    double l_mean = (x.l + y.l) / 2, c_mean = (c1 + c2) / 2, h_mean = mean_hue(h1, h2, c1 * c2);
    double t, l50, s_l, s_c, s_h, r_c, r_t, l, c, h;

    dh = dh > 180 ? dh - 360 : dh < -180 ? dh + 360 : dh;
    t = 1 - 0.17 * cos(radians(h_mean - 30)) + 0.24 * cos(radians(2 * h_mean)) +
        0.32 * cos(radians(3 * h_mean + 6)) - 0.20 * cos(radians(4 * h_mean - 63));
    l50 = (l_mean - 50) * (l_mean - 50);
    s_l = 1 + 0.015 * l50 / sqrt(20 + l50);
    s_c = 1 + 0.045 * c_mean;
    s_h = 1 + 0.015 * c_mean * t;
    r_c = 2 * sqrt(pow(c_mean, 7) / (pow(c_mean, 7) + 6103515625.0));
    r_t = -r_c * sin(radians(60 * exp(-((h_mean - 275) / 25) * ((h_mean - 275) / 25))));
    l = (y.l - x.l) / s_l;
    c = (c2 - c1) / s_c;
    h = 2 * sqrt(c1 * c2) * sin(radians(dh / 2)) / s_h;
    return sqrt(l * l + c * c + h * h + r_t * c * h);
}

double color_distance(struct rgb a, struct rgb b)
{
    return color_lab_distance(to_lab(a), to_lab(b));
}
