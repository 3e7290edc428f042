"""Answers in which a model declines, answers in which it misses the pictures, and reports that sound like either."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import MADE_UP, Case, Wanted

THREADS = "MMMU#66, MMMU#19, MMedAgent#7, ChatTS#40, HaluEval#21 and public lists of refusal phrases, reworded"
LOST = "NV-Reason-CXR#2 and awesome-llm-apps#75, reworded"

INABILITY = (
    ("I am unable to", THREADS),
    ("I'm unable to", THREADS),
    ("I cannot", THREADS),
    ("I can\u2019t", THREADS),
    ("I can't", THREADS),
    ("I'm not able to", THREADS),
    ("I am not able to", THREADS),
    ("I won't be able to", THREADS),
    ("I do not have the ability to", THREADS),
    ("I don't have the capability to", THREADS),
    ("I'm not qualified to", THREADS),
    ("I must decline to", THREADS),
    ("I am not designed to", THREADS),
    ("It would not be appropriate for me to", MADE_UP),
    ("I lack the training to", MADE_UP),
    ("I have to refrain from attempting to", MADE_UP),
    ("I'm not permitted to", MADE_UP),
    ("It's beyond my capabilities to", MADE_UP),
    ("My guidelines prevent me from trying to", MADE_UP),
)
TASKS = (
    ("interpret medical images", THREADS),
    ("generate a radiology report from this image", THREADS),
    ("analyze or diagnose X-rays", THREADS),
    ("provide a medical diagnosis", THREADS),
    ("assist with that request", THREADS),
    ("view or process images", THREADS),
    ("give a clinical reading of this film", MADE_UP),
    ("write the findings section for this study", MADE_UP),
)
OPENINGS = (
    ("", THREADS),
    ("I'm sorry, but ", THREADS),
    ("Unfortunately, ", THREADS),
    ("I apologize, but ", THREADS),
    ("As an AI language model, ", THREADS),
    ("Thank you for sharing this chest X-ray. However, ", MADE_UP),
    ("Let me be upfront: ", MADE_UP),
)
CLOSINGS = (
    ".",
    ". Please consult a qualified radiologist.",
    ". It's important to seek a healthcare professional for an accurate reading.",
    ", as this requires a licensed physician. I can explain what a chest X-ray is in general terms.",
)
OTHER_REFUSALS = (
    ("As a large language model, I can't interpret radiographs.", THREADS),
    ("I'm an AI assistant and not a doctor, so reading this X-ray is not something I can do.", THREADS),
    ("Sorry, I can't help with that.", THREADS),
    ("Sorry, I can't assist with this request.", THREADS),
    ("I'm sorry, but I can't provide medical advice.", THREADS),
    ("I can't diagnose conditions from images.", THREADS),
    ("This request goes against my guidelines.", THREADS),
    ("Interpreting medical images is outside my capabilities.", MADE_UP),
    ("Medical image interpretation is not something I can provide.", MADE_UP),
    ("A radiology report cannot be generated.", MADE_UP),
    ("I must respectfully decline this request, since it asks for a diagnosis.", THREADS),
    ("I won't interpret this image; a radiologist should.", MADE_UP),
    ("FINDINGS: I'm unable to interpret medical images.\nIMPRESSION: Please consult a radiologist.", THREADS),
    ("**Findings:** I cannot provide an interpretation of this X-ray.", MADE_UP),
    ("FINDINGS:\nUnable to generate a report.\n\nIMPRESSION:\nUnable to generate a report.", MADE_UP),
    ("Lo siento, no puedo interpretar imágenes médicas.", THREADS),
    ("Lo siento, pero no puedo ayudar con eso.", MADE_UP),
    ("Es tut mir leid, aber ich kann keine medizinischen Bilder auswerten.", THREADS),
    ("Ich bin nicht in der Lage, Röntgenbilder zu befunden.", MADE_UP),
    ("Désolé, je ne peux pas interpréter des images médicales.", MADE_UP),
    ("Mi dispiace, non posso interpretare immagini mediche.", MADE_UP),
    ("Desculpe, não posso interpretar imagens médicas.", MADE_UP),
    ("抱歉\uff0c我无法解读医学图像。", THREADS),
    ("对不起\uff0c我不能提供医疗诊断。", MADE_UP),
    ("申し訳ありませんが、医用画像を読影することはできません。", MADE_UP),
    ("죄송합니다. 의료 영상을 판독할 수 없습니다.", MADE_UP),
)
NO_PICTURE = (
    ("I don't see any image attached. Could you please upload the chest X-ray?", LOST),
    ("No image was provided, so a report cannot be generated.", THREADS),
    ("Please provide a frontal chest X-ray image.", LOST),
    ("Okay, I understand. Please share the image with me, and I will analyze it.", LOST),
    ("It seems that no image has been attached to your message.", THREADS),
    ("It looks like the image didn't come through. Please try uploading it again.", THREADS),
    ("There is no image in our conversation.", THREADS),
    ("I can't see any images in your message.", THREADS),
    ("I'm sorry, but I don't have access to the image.", THREADS),
    ("Please upload the radiograph so that I can describe it.", THREADS),
    ("You haven't provided an X-ray. Please attach one.", THREADS),
    ("I am ready to write the report once you send the images.", LOST),
    ("The image you mentioned is not visible to me.", MADE_UP),
    ("I didn't receive a picture with this request.", MADE_UP),
    ("Could you share the chest radiograph that you want me to report?", MADE_UP),
    ("Without an image, I cannot write the findings.", MADE_UP),
    ("No radiograph was supplied with the question.", MADE_UP),
    ("I do not see an X-ray here. Kindly attach the film.", MADE_UP),
    ("The attachment appears to be missing.", MADE_UP),
    ("FINDINGS: No image provided.\nIMPRESSION: No image provided.", MADE_UP),
    ("Since the chest X-ray was not included, no interpretation is possible.", MADE_UP),
    ("I only see text in your message; the X-ray is missing.", MADE_UP),
    ("没有提供图像。", MADE_UP),
    ("No se ha proporcionado ninguna imagen.", MADE_UP),
    ("Es wurde kein Bild bereitgestellt.", MADE_UP),
)
REPORTS = (
    "I can't see any effusion. The heart is normal in size and the lungs are clear.",
    "I cannot see a pleural effusion. The lungs are clear.",
    "I cannot view the left costophrenic angle fully; otherwise the lungs are clear.",
    "I'm unable to view the right apex due to overlying hardware. No pneumothorax.",
    "I cannot exclude pneumonia at the left base.",
    "Unable to assess the apices, which are cut off. The lungs are otherwise clear.",
    "I am unable to identify a pneumothorax. The chest tube is unchanged.",
    "Cannot exclude a small effusion.",
    "The lateral view cannot be interpreted due to motion. The lungs are clear on the frontal view.",
    "The image is rotated, which limits assessment of the mediastinum. No focal consolidation.",
    "Sorry, the film is underexposed; the left base cannot be assessed. Heart size is normal.",
    "No prior image was provided for comparison. The heart is enlarged.",
    "No prior images are available. Bibasilar atelectasis.",
    "No previous radiograph was available. Clear lungs.",
    "Lateral image not provided. The heart is normal and the lungs are clear.",
    "I do not see a fracture. I do not see an effusion.",
    "I don't see any acute abnormality in this image.",
    "I can't make out the right heart border, in keeping with middle lobe collapse.",
    "I cannot diagnose pneumonia on this film alone; there is a faint opacity at the right base.",
    "The tip of the catheter is not able to be seen. No pneumothorax.",
    "I'm not able to see the left hemidiaphragm because of a large effusion.",
    "Unable to exclude a retrocardiac process. Recommend a lateral view.",
    "As compared to the prior image, I cannot detect a change. Stable cardiomegaly.",
    "Please correlate with clinical findings. Mild edema.",
    "Please provide prior images for comparison. Small right effusion.",
    "A diagnosis of pneumonia cannot be made. The lungs are clear.",
    "Limited study. I can't comment on the left base, which is excluded from the image.",
    "The patient is unable to stand; portable image. Low lung volumes.",
    "The patient was not able to hold his breath. Low lung volumes without consolidation.",
    "I cannot tell whether the nodule is new. It measures 6 mm.",
    "No image artifact. The lungs are clear.",
    "I am not certain, but there may be a small left effusion.",
    "Evaluation is limited. A report of the prior CT was not provided. Mild cardiomegaly.",
    "The left costophrenic angle is not included in the image. No effusion on the right.",
    "We are unable to determine the position of the tube tip. Clear lungs.",
    "No pneumothorax is visible to me. The heart is enlarged.",
    "I apologize for the delay. The lungs are clear and the heart is normal.",
    "Cannot rule out aspiration. Patchy opacities at both bases.",
    "I won't call this pneumonia; it is likely atelectasis.",
    "Clinical information not provided. The lungs are clear. No effusion.",
    "There is no image evidence of pneumothorax.",
    "The heart cannot be evaluated. There is complete opacification of the left hemithorax.",
    "Interpretation of the lung bases is limited by body habitus. No large effusion.",
    "I do not have a prior study. Moderate right pleural effusion.",
    "I lack a lateral view. The heart is normal, the lungs are clear.",
    "This AI-assisted reading shows clear lungs and a normal heart.",
    "As an experienced radiologist, I see no effusion and cannot find a pneumothorax.",
    "Help lines: right port in place. I can't see its tip.",
    "Difficult to assess the mediastinum on this image. No pneumothorax.",
    "Could not obtain a lateral image. Single frontal view shows clear lungs.",
)
WRAPS = ("{r}", "FINDINGS: {r}", "Portable chest. {r}", "{r} No fracture is seen.")


def cases() -> Iterator[Case]:
    """Answers that are refused: an inability or a policy about the task or the picture."""
    for number, ((inability, a), (task, b)) in enumerate(product(INABILITY, TASKS)):
        opening, c = OPENINGS[number % len(OPENINGS)]
        wording = inability if not opening or inability.startswith("I") else inability[0].lower() + inability[1:]
        raw = f"{opening}{wording} {task}{CLOSINGS[number % len(CLOSINGS)]}"
        yield Case(f"{inability} {task}", a and b and c, raw, Wanted("refused", "", ""))
    for raw, source in OTHER_REFUSALS:
        yield Case(raw, source, raw, Wanted("refused", "", ""))


def no_picture() -> Iterator[Case]:
    """Answers in which a model says that it got no picture: refused, and counted apart."""
    for (raw, source), (before, after) in product(NO_PICTURE, (("", ""), ("Hello! ", ""), ("", " Thank you."))):
        if raw.startswith("FINDINGS") and before:
            continue
        yield Case(raw, source, f"{before}{raw}{after}", Wanted("refused", "", "", event="no image seen"))


def reports() -> Iterator[Case]:
    """Reports in the words of refusals."""
    for report, wrap in product(REPORTS, WRAPS):
        raw = wrap.replace("{r}", report)
        wanted = raw.removeprefix("FINDINGS: ")
        yield Case(report, MADE_UP, raw, Wanted("ok", wanted, "", "", no_event="no image seen"))
