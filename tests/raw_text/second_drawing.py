"""A second drawing of each kind, written after the reader and read by it before anything was changed for it.

Of these the reader read, at first: 14 of 27 refusals, 6 of 14 missing pictures, 25 of 26 reports, 15 of 25 thoughts and
22 of 26 pairs of sections. What was wrong was changed by its kind, not by its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, THOUGHTS, Case, Wanted

REFUSALS = (
    "I'm really sorry, but medical imaging interpretation isn't something I can do.",
    "I'm afraid I can't do that.",
    "Unfortunately I am not in a position to offer a diagnosis based on an X-ray.",
    "My apologies, I'm just a language model and cannot view pictures.",
    "I do not provide radiology reports.",
    "Providing a diagnosis from images would be irresponsible of me.",
    "I'm designed to be helpful, but interpreting chest X-rays falls outside what I can safely do.",
    "As a text-based AI, I don't have the ability to see or interpret images.",
    "This content may violate our usage policies.",
    "I prefer not to comment on medical images.",
    "I'd recommend consulting a radiologist, as I can't provide a medical interpretation.",
    "I cannot fulfill this request.",
    "I can\u2019t help with identifying medical conditions in images.",
    "Sorry — no can do. Image interpretation is not supported.",
    "I am an AI and I do not interpret medical imaging.",
    "It is against policy to produce medical reports.",
    "I apologize, but I don't feel comfortable writing a radiology report.",
    "I need to be honest: I can't reliably analyze this chest radiograph.",
    "I'm unable to process this request.",
    "The requested report cannot be provided.",
    "I must clarify that I can't offer diagnostic interpretations of X-rays. Please see a board-certified radiologist.",
    "I am programmed to be a harmless AI assistant and cannot provide medical diagnosis.",
    "Je suis désolé, mais je ne suis pas en mesure d'analyser cette radiographie.",
    "Lamento no poder ayudar con la interpretación de radiografías.",
    "我不能解读这张X光片。",
    "Ik kan geen medische beelden interpreteren.",
    "Извините, я не могу интерпретировать медицинские изображения.",
)
NO_PICTURE = (
    "I'm not seeing an image in our chat.",
    "It appears you forgot to attach the radiograph.",
    "The image failed to load on my end.",
    "Can you resend the picture?",
    "There doesn't seem to be an X-ray attached here.",
    "I need the actual image in order to write a report.",
    "Your message contains only text and no image.",
    "I have not received any images.",
    "Sorry, I can't open the attached file.",
    "Once the image is uploaded, I'll describe the findings.",
    "No attachment found.",
    "Image not found.",
    "I don't have an image to analyze.",
    "Please share the X-ray.",
)
REPORTS = (
    "I do not appreciate a pneumothorax.",
    "No image-guided procedure was done. Lungs clear.",
    "I can't identify the left hemidiaphragm.",
    "We cannot comment on the retrocardiac region. Heart normal.",
    "The request for comparison cannot be fulfilled; no priors. Lungs clear.",
    "Images are degraded by motion; cannot assess for small nodules.",
    "I am unable to compare with the outside film. Small effusion.",
    "Unable to diagnose edema on this portable image given low volumes.",
    "Cannot be certain whether this is atelectasis or pneumonia.",
    "This view does not permit assessment of the sternum.",
    "I would not call this a fracture.",
    "No lateral film was obtained. Cardiac size is upper normal.",
    "Report discussed with Dr. Smith. Large left pneumothorax.",
    "AP image. Lung bases not included in the field of view.",
    "As requested, no oblique views were obtained. The ribs are intact.",
    "Please provide clinical history. The heart is enlarged.",
    "Help was requested by the ER. Tension pneumothorax on the right.",
    "The patient declined the lateral view. Lungs clear.",
    "I decline to call cardiomegaly given AP projection.",
    "The image quality is poor. No gross abnormality.",
    "Sorry for rotation. ET tube 3 cm above carina.",
    "Can't exclude a tiny apical pneumothorax.",
    "no acute process",
    "UNCHANGED APPEARANCE.",
    "Endotracheal tube unchanged; otherwise no interval change is seen in the images provided.",
    "Comparison not possible as no prior images were provided. Right basilar opacity.",
)
THINKING = (
    "<Thinking>{t}</Thinking>\n{r}",
    "<|reasoning|>{t}<|/reasoning|>{r}",
    "<thoughts>{t}</thoughts>{r}",
    "<THOUGHT>{t}</THOUGHT>\n\n**Findings**\n{r}",
    "<reasoning_content>{t}</reasoning_content>{r}",
    "<|begin_think|>{t}<|end_think|>{r}",
    "<|thought_begin|>{t}<|thought_end|>{r}",
    "[REASON]{t}[/REASON]{r}",
    "<thinking>\n{t}\n</thinking>\n\n<findings>{r}</findings>",
    "<think>\n{t}\n</think>\n\n```markdown\n{r}\n```",
    "<self-reflection>{t}</self-reflection>{r}",
    "<step_by_step_reasoning>{t}</step_by_step_reasoning>{r}",
    "《think》{t}《/think》{r}",
    "{think}{t}{/think}{r}",
    "<<think>>{t}<</think>>{r}",
    "(thinking) {t} (/thinking) {r}",
    "**Reasoning**\n{t}\n\n**Final Answer**\n{r}",
    "Reasoning: {t}\n\nReport: {r}",
    "Thinking...\n{t}\n...done thinking.\n\n{r}",
    "<details><summary>Thinking</summary>{t}</details>\n{r}",
    "<thought_process>{t}</thought_process>\n<final_report>{r}</final_report>",
    "<|assistant|><think>{t}</think>{r}<|endoftext|>",
    "<|channel|>analysis<|message|>{t}<|channel|>final<|message|>{r}",
    "<observation_thinking>{t}</observation_thinking>{r}",
    "## Step 1: Reasoning\n{t}\n## Step 2: Report\n{r}",
)
SECTIONS = (
    "Findings;\n%s\nImpression;\n%s",
    "1.Findings: %s\n2.Impression: %s",
    "Findings	%s\nImpression	%s",
    "<p><strong>Findings:</strong> %s</p><p><strong>Impression:</strong> %s</p>",
    "FINDINGS\n\n%s\n\nASSESSMENT\n\n%s",
    "Findings of the chest x-ray: %s\nConclusion of the exam: %s",
    "**Radiology Findings:**\n%s\n\n**Radiologist's Impression:**\n%s",
    "## Findings 🩻\n%s\n## Impression 📝\n%s",
    "Findings(s): %s\nImpression(s): %s",
    "== Findings ==\n%s\n== Impression ==\n%s",
    "[FINDINGS] %s [IMPRESSION] %s",
    '{"Findings":"%s","Impression":"%s",}',
    "findings = %s\nimpression = %s",
    "*Findings*\n\n%s\n\n*Impression*\n\n%s",
    "Findings: %s\n\nFinal Diagnosis: %s",
    "FINDINGS: %s\nIMPRESSION/RECOMMENDATION: %s",
    "**Findings:** %s **Impression:** %s",
    "THORAX FINDINGS: %s\nIMPRESSION AND PLAN: %s",
    "Report:\nFindings: %s\nImpression: %s",
    "FINDINGS:%sIMPRESSION:%s",
    '{"report":{"sections":[{"title":"Findings","content":"%s"},{"title":"Impression","content":"%s"}]}}',
    "<FINDINGS>\n%s\n</FINDINGS>\n<IMPRESSION>\n%s\n</IMPRESSION>",
    "<report><findings>%s</findings><impression>%s</impression></report>",
    "&lt;findings&gt;%s&lt;/findings&gt;&lt;impression&gt;%s&lt;/impression&gt;",
    "# FINDINGS #\n%s\n# IMPRESSION #\n%s",
    "Findings>> %s\nImpression>> %s",
)


def cases() -> Iterator[Case]:
    """All of them."""
    for text in REFUSALS:
        yield Case(text, MADE_UP, text, Wanted("refused", "", ""))
    for text in NO_PICTURE:
        yield Case(text, MADE_UP, text, Wanted("refused", "", "", event="no image seen"))
    for text in REPORTS:
        yield Case(text, MADE_UP, text, Wanted("ok", text, "", "", no_event="no image seen"))
    for form in THINKING:
        text = form.replace("{t}", THOUGHTS[0]).replace("{r}", FINDINGS[0])
        yield Case(form, MADE_UP, text, Wanted("ok", FINDINGS[0], "", "The left lung may hold"))
    for form in SECTIONS:
        text = form.replace("%s", FINDINGS[0], 1).replace("%s", IMPRESSIONS[0], 1)
        yield Case(form, MADE_UP, text, Wanted("ok", FINDINGS[0], IMPRESSIONS[0]))
